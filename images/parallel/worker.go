package main

import (
	"context"
	"encoding/json"
	"errors"
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
	pace     pace
	// unreported are reports of tasks that have ended, not yet with the broker.
	unreported []Report
	// reported are the tasks of the latest reports: they come again if the broker went before they were acknowledged.
	reported map[taskKey]bool
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
	publisher, err := newPublisher(connection)
	if err != nil {
		return err
	}
	if err := w.report(publisher); err != nil {
		return err
	}
	for first := true; ctx.Err() == nil; first = false {
		tasks, err := consume(connection, w.queues.Tasks, w.pace.prefetch())
		if err != nil {
			return err
		}
		if first {
			connected()
		}
		if err := w.serve(ctx, &intake{consumer: tasks, publisher: publisher}); err != nil {
			return err
		}
		if err := tasks.channel.Close(); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// intake is one consumer's messages, and the way back for what becomes of them.
type intake struct {
	*consumer
	publisher *publisher
	// stopped: no more messages come, by our own wish.
	stopped bool
	// latest is the last message whose task has ended; it and those before it are acknowledged together.
	latest *amqp.Delivery
}

func (in *intake) stop() error {
	in.stopped = true
	return in.consumer.stop()
}

// serve runs tasks until the pace wants another number of messages under way, or ctx ends.
func (w *worker) serve(ctx context.Context, in *intake) error {
	for {
		select {
		case <-ctx.Done():
			return w.settle(in)
		case delivery, open := <-in.deliveries:
			if !open && in.stopped {
				return w.settle(in)
			}
			if !open {
				return errors.New("the broker closed the channel or deleted the queue")
			}
			if ctx.Err() != nil {
				return w.settle(in)
			}
			if err := w.handle(in, delivery); err != nil {
				return err
			}
		}
	}
}

// handle runs a message's task, or sends one that came before once more. Reports wait for those of the next tasks only as
// long as these are here and short.
func (w *worker) handle(in *intake, delivery amqp.Delivery) error {
	var task Task
	if err := json.Unmarshal(delivery.Body, &task); err != nil {
		log.Printf("a message that is no task is dropped: %v", err)
		return delivery.Reject(false)
	}
	switch {
	case w.reported[taskKey{task.Run, task.ID, task.Try}]:
	case delivery.Redelivered:
		if err := w.sendAgain(in, task); err != nil {
			return err
		}
	default:
		report, err := w.try(in, task)
		w.unreported = append(w.unreported, report)
		if err != nil {
			return err
		}
	}
	in.latest = &delivery
	if delivery.Redelivered || len(w.unreported) >= reportBatch || len(in.deliveries) == 0 || w.reportWaits() {
		if err := w.settle(in); err != nil {
			return err
		}
	}
	if w.pace.wantsChange() && !in.stopped {
		return in.stop()
	}
	return nil
}

// sendAgain counts the loss of a task that came back, and puts it behind the others: classic queues only tell that a
// message came before, not how often. So the count is with the broker before the task can take this worker too. A worker
// that is killed between this and the acknowledgement leaves the task there twice, and it runs twice.
func (w *worker) sendAgain(in *intake, task Task) error {
	task.Losses++
	queue := w.queues.Tasks
	if task.Losses > lossLimit {
		queue = w.queues.Lost
	}
	return publish(context.Background(), in.publisher, queue, []Task{task})
}

// try runs a task's command. When it turns out to be long, nothing waits behind it: reports are sent, and messages that
// are here go back to the queue for other workers.
func (w *worker) try(in *intake, task Task) (Report, error) {
	variables := []string{"TASK_ID=" + strconv.Itoa(task.ID), "TASK_TRY=" + strconv.Itoa(task.Try)}
	command := append(append([]string{}, w.command...), task.Text)
	ended := make(chan Ending, 1)
	go func() { ended <- execute(command, variables, w.settings.Timeout, os.Stdout) }()

	var err error
	var ending Ending
	select {
	case ending = <-ended:
	case <-w.pace.patience():
		if err = w.settle(in); err == nil && !in.stopped {
			err = giveBack(in)
		}
		ending = <-ended
	}
	w.pace.note(ending.Seconds)
	log.Printf("task %d, try %d: exit code %d after %.3f s", task.ID, task.Try, ending.ExitCode, ending.Seconds)
	report := Report{
		Run: task.Run, ID: task.ID, Try: task.Try, Ending: ending, Worker: w.settings.Name, Ended: time.Now().UTC(),
	}
	return report, err
}

// giveBack returns the messages whose tasks have not begun.
func giveBack(in *intake) error {
	if err := in.stop(); err != nil {
		return err
	}
	for delivery := range in.deliveries {
		if err := delivery.Nack(false, true); err != nil {
			return err
		}
	}
	return nil
}

// reportWaits tells that a report has waited long enough.
func (w *worker) reportWaits() bool {
	return len(w.unreported) > 0 && time.Since(w.unreported[0].Ended) > reportAge
}

// settle sends the reports there are and acknowledges their tasks.
func (w *worker) settle(in *intake) error {
	if err := w.report(in.publisher); err != nil || in.latest == nil {
		return err
	}
	latest := in.latest
	in.latest = nil
	return latest.Ack(true)
}

// report sends the reports there are.
func (w *worker) report(publisher *publisher) error {
	if len(w.unreported) == 0 {
		return nil
	}
	// Whoever stops the worker waits for this too; a dead connection ends it.
	if err := publish(context.Background(), publisher, w.queues.Reports, [][]Report{w.unreported}); err != nil {
		return err
	}
	w.reported = map[taskKey]bool{}
	for _, report := range w.unreported {
		w.reported[taskKey{report.Run, report.ID, report.Try}] = true
	}
	w.unreported = nil
	return nil
}
