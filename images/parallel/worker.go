package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"strconv"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// worker runs tasks, one at a time. A task's message is acknowledged when its command has ended and the broker has the
// report of that: whatever dies before, the task comes back.
type worker struct {
	settings WorkerSettings
	queues   Queues
	command  []string
	// pending is the report of a task that ended while the broker was away.
	pending *Report
	// last is the task that was reported last: it comes again if the broker went before it was acknowledged.
	last taskKey
}

// taskKey tells one try from every other.
type taskKey struct {
	run     string
	id, try int
}

func newWorker(settings WorkerSettings, command []string) *worker {
	return &worker{settings: settings, queues: settings.Broker.queues(), command: command}
}

// run works until ctx ends; a task that runs then is run to its end first.
func (w *worker) run(ctx context.Context) error {
	told := ""
	for {
		err := w.session(ctx, func() {
			log.Print("waiting for tasks")
			told = ""
		})
		if ctx.Err() != nil {
			return nil
		}
		if err.Error() != told {
			log.Printf("%v; trying again", err)
			told = err.Error()
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(reconnectDelay):
		}
	}
}

// session works over one connection, until that is lost or ctx ends.
func (w *worker) session(ctx context.Context, connected func()) error {
	connection, err := dial(w.settings.Broker, w.settings.Name)
	if err != nil {
		return err
	}
	defer hangUp(connection)
	reports, err := newPublisher(connection)
	if err != nil {
		return err
	}
	if err := w.report(reports); err != nil {
		return err
	}
	deliveries, err := consume(connection, w.queues.Tasks, 1)
	if err != nil {
		return err
	}
	connected()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case delivery, open := <-deliveries:
			if !open {
				return fmt.Errorf("the broker closed the channel or deleted the queue")
			}
			if ctx.Err() != nil {
				break
			}
			if err := w.handle(reports, delivery); err != nil {
				return err
			}
		}
	}
	return ctx.Err()
}

func (w *worker) handle(reports *publisher, delivery amqp.Delivery) error {
	var task Task
	if err := json.Unmarshal(delivery.Body, &task); err != nil {
		log.Printf("a message that is no task is set aside: %v", err)
		return delivery.Reject(false)
	}
	key := taskKey{task.Run, task.ID, task.Try}
	if key != w.last {
		w.pending = w.try(task)
		if err := w.report(reports); err != nil {
			return err
		}
	}
	return delivery.Ack(false)
}

// try runs a task's command.
func (w *worker) try(task Task) *Report {
	variables := []string{"TASK_ID=" + strconv.Itoa(task.ID), "TASK_TRY=" + strconv.Itoa(task.Try)}
	command := append(append([]string{}, w.command...), task.Text)
	ending := execute(command, variables, w.settings.Timeout, os.Stdout)
	log.Printf("task %d, try %d: exit code %d after %.3f s", task.ID, task.Try, ending.ExitCode, ending.Seconds)
	return &Report{
		Run: task.Run, ID: task.ID, Try: task.Try, Ending: ending, Worker: w.settings.Name, Ended: time.Now().UTC(),
	}
}

// report sends the pending report, if there is one.
func (w *worker) report(reports *publisher) error {
	if w.pending == nil {
		return nil
	}
	// Whoever stops the worker waits for this too; a dead connection ends it.
	if err := publish(context.Background(), reports, w.queues.Reports, []Report{*w.pending}); err != nil {
		return err
	}
	w.last = taskKey{w.pending.Run, w.pending.ID, w.pending.Try}
	w.pending = nil
	return nil
}
