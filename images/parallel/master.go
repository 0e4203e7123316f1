package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// reportWindow is how many messages are under way to the master: it writes down together what has come.
const reportWindow = 500

// queueingLimit is how many tasks are put into the queue before that is written down. A master that is killed in between
// does not know which of them are there: all of them are put there again, and run twice.
const queueingLimit = 50

// queueCheckInterval is how often the master looks whether the queues are still there: nobody tells it when one that it
// only puts messages into is deleted.
const queueCheckInterval = 5 * time.Second

// master hands tasks out and records what became of them. It alone decides about tries, so that a message that comes
// twice changes nothing.
type master struct {
	settings MasterSettings
	queues   Queues
	record   *record
	progress *progress
	deadline <-chan time.Time
}

// runMaster works until every task's outcome is recorded and the workers are gone.
func runMaster(ctx context.Context, settings MasterSettings) (int, error) {
	record, err := openRecord(settings.Results, settings.Run, settings.Tasks)
	if err != nil {
		return exitBroken, err
	}
	defer record.close()
	m := &master{settings: settings, queues: settings.Broker.queues(), record: record, progress: newProgress(record)}

	workers, err := newWorkers(settings.Workers)
	if err != nil {
		return exitBroken, err
	}
	stopFollowing := workers.follow(ctx)
	err = m.untilComplete(ctx)
	stopFollowing()
	if err != nil {
		return exitBroken, err
	}
	if err := workers.end(ctx); err != nil {
		return exitBroken, err
	}
	if err := m.removeQueues(ctx); err != nil {
		return exitBroken, err
	}
	m.progress.summary()
	if record.failures > 0 {
		return exitFailed, nil
	}
	return 0, nil
}

// brokenRecord is an error of the volume, which another connection to the broker does not mend.
type brokenRecord struct{ error }

func (b brokenRecord) Unwrap() error { return b.error }

// untilComplete keeps at it, whatever becomes of the broker.
func (m *master) untilComplete(ctx context.Context) error {
	for !m.record.complete() {
		err := m.session(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if broken, ok := err.(brokenRecord); ok {
			return broken
		}
		if err != nil {
			m.progress.note(fmt.Sprintf("%v; trying again", err))
			if err := m.pause(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// pause waits before the next connection; the deadline holds without a broker too.
func (m *master) pause(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-m.deadline:
		return m.giveUp()
	case <-time.After(reconnectDelay):
		m.progress.tell()
		return nil
	}
}

// session works over one connection: until that is lost, with an error, or until all is done.
func (m *master) session(ctx context.Context) error {
	connection, err := dial(m.settings.Broker, "master")
	if err != nil {
		return err
	}
	defer hangUp(connection)
	if err := m.prepareQueues(connection); err != nil {
		return err
	}
	reports, err := consume(connection, m.queues.Reports, reportWindow)
	if err != nil {
		return err
	}
	lost, err := consume(connection, m.queues.Lost, reportWindow)
	if err != nil {
		return err
	}
	retries, err := newPublisher(connection)
	if err != nil {
		return err
	}
	tasks, err := newPublisher(connection)
	if err != nil {
		return err
	}
	sessionContext, end := context.WithCancel(ctx)
	defer end()
	queued := make(chan queueing)
	m.queueMore(sessionContext, tasks, queued)
	ticks := time.NewTicker(time.Second)
	defer ticks.Stop()
	checks := time.NewTicker(queueCheckInterval)
	defer checks.Stop()
	for !m.record.complete() {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-m.deadline:
			return m.giveUp()
		case <-ticks.C:
			m.progress.tell()
		case <-checks.C:
			exist, err := m.queues.exist(connection)
			if err != nil {
				return err
			}
			if !exist {
				return errors.New("queues are gone")
			}
		case done := <-queued:
			if done.err != nil {
				return done.err
			}
			if err := m.record.addEntries(journalEntry{Queued: &done.upTo}); err != nil {
				return brokenRecord{err}
			}
			m.queueMore(sessionContext, tasks, queued)
		case delivery, open := <-reports.deliveries:
			if !open {
				return errors.New("the broker closed the channel of the reports")
			}
			if err := m.takeReports(sessionContext, retries, batch(delivery, reports.deliveries)); err != nil {
				return err
			}
		case delivery, open := <-lost.deliveries:
			if !open {
				return errors.New("the broker closed the channel of the lost tasks")
			}
			if err := m.takeLost(batch(delivery, lost.deliveries)); err != nil {
				return err
			}
		}
	}
	return nil
}

// prepareQueues makes them anew for a run that begins. Queues that are not there later have been lost with all that was
// in them: every task without an outcome goes into the new ones.
func (m *master) prepareQueues(connection *amqp.Connection) error {
	channel, err := connection.Channel()
	if err != nil {
		return err
	}
	defer channel.Close()
	if m.record.begun.IsZero() {
		if err := m.queues.renew(channel); err != nil {
			return err
		}
		now := time.Now().UTC()
		if err := m.record.addEntries(journalEntry{Begun: &now}); err != nil {
			return brokenRecord{err}
		}
	} else {
		exist, err := m.queues.exist(connection)
		if err != nil {
			return err
		}
		if !exist {
			log.Print("the broker has lost the queues: tasks without an outcome are queued again")
			if err := m.queues.renew(channel); err != nil {
				return err
			}
			none := 0
			if err := m.record.addEntries(journalEntry{Queued: &none}); err != nil {
				return brokenRecord{err}
			}
		}
	}
	if m.deadline == nil && m.settings.Deadline > 0 {
		m.deadline = time.After(time.Until(m.record.begun.Add(m.settings.Deadline)))
	}
	return nil
}

// queueing is the end of an attempt to put tasks into the queue.
type queueing struct {
	upTo int
	err  error
}

// queueMore begins to put the next tasks into the queue, if any are left, and tells `done` when the broker has them.
func (m *master) queueMore(ctx context.Context, publisher *publisher, done chan<- queueing) {
	tasks, upTo := m.record.nextTasks(m.settings.Run, queueingLimit)
	if upTo == m.record.queued {
		return
	}
	go func() {
		err := publish(ctx, publisher, m.queues.Tasks, tasks)
		select {
		case done <- queueing{upTo, err}:
		case <-ctx.Done():
		}
	}()
}

// batch takes what else has come already.
func batch(first amqp.Delivery, deliveries <-chan amqp.Delivery) []amqp.Delivery {
	all := []amqp.Delivery{first}
	for len(all) < reportWindow {
		select {
		case delivery, open := <-deliveries:
			if !open {
				return all
			}
			all = append(all, delivery)
		default:
			return all
		}
	}
	return all
}

// acknowledge tells the broker that all of the deliveries of one consumer are dealt with.
func acknowledge(deliveries []amqp.Delivery) error { return deliveries[len(deliveries)-1].Ack(true) }

// takeReports records outcomes and sends failed tasks on their next try.
func (m *master) takeReports(ctx context.Context, retries *publisher, deliveries []amqp.Delivery) error {
	var reports []Report
	for _, delivery := range deliveries {
		var some []Report
		if err := json.Unmarshal(delivery.Body, &some); err != nil {
			log.Printf("a message that is no list of reports is dropped: %v", err)
			continue
		}
		reports = append(reports, some...)
	}
	results, again := m.judge(reports)
	if err := publish(ctx, retries, m.queues.Tasks, again); err != nil {
		return err
	}
	var entries []journalEntry
	for _, task := range again {
		entries = append(entries, journalEntry{Retried: &taskTry{task.ID, task.Try}})
	}
	if err := m.record.addEntries(entries...); err != nil {
		return brokenRecord{err}
	}
	if err := m.record.addResults(results); err != nil {
		return brokenRecord{err}
	}
	return acknowledge(deliveries)
}

// judge tells which reports are outcomes, and which tasks are to be tried again. Reports of another run, of a task that
// has ended or of a try that was reported before count for nothing.
func (m *master) judge(reports []Report) (results []Result, again []Task) {
	judged := map[int]int{}
	for _, report := range reports {
		try := max(m.try(report.Run, report.ID), judged[report.ID])
		if try == 0 || report.Try < try {
			continue
		}
		judged[report.ID] = report.Try + 1
		succeeded := report.ExitCode == 0
		if !succeeded && report.Try < m.settings.Tries {
			m.progress.note(fmt.Sprintf("task %d, try %d of %d: %s; trying it again",
				report.ID, report.Try, m.settings.Tries, describe(report.Ending)))
			text := m.record.tasks[report.ID-1]
			again = append(again, Task{Run: report.Run, ID: report.ID, Try: report.Try + 1, Text: text})
			continue
		}
		result := m.result(report.ID, Succeeded, report.Try, report.Ended)
		result.ExitCode, result.Seconds, result.Worker = &report.ExitCode, &report.Seconds, &report.Worker
		result.Output, result.OutputCut = &report.Output, report.OutputCut
		if !succeeded {
			result.Outcome = Failed
			m.progress.failed(report.ID, report.Try, describe(report.Ending))
		}
		results = append(results, result)
		// Whatever else is told of it in this batch comes too late.
		judged[report.ID] = int(^uint(0) >> 1)
	}
	return results, again
}

// try is the number of a task's latest try; 0 if nothing more is to be learned of it.
func (m *master) try(run string, id int) int {
	if run != m.settings.Run || id < 1 || id > len(m.record.tasks) || m.record.ended[id-1] {
		return 0
	}
	return m.record.tries[id-1]
}

func (m *master) result(id int, outcome Outcome, tries int, ended time.Time) Result {
	return Result{Task: id, Command: m.record.tasks[id-1], Outcome: outcome, Tries: tries, Ended: ended}
}

// takeLost records tasks that were set aside: their workers were gone again and again.
func (m *master) takeLost(deliveries []amqp.Delivery) error {
	var results []Result
	known := map[int]bool{}
	for _, delivery := range deliveries {
		var task Task
		if err := json.Unmarshal(delivery.Body, &task); err != nil || known[task.ID] {
			continue
		}
		if try := m.try(task.Run, task.ID); try == 0 || task.Try < try {
			continue
		}
		known[task.ID] = true
		results = append(results, m.result(task.ID, Lost, task.Try, time.Now().UTC()))
		m.progress.failed(task.ID, task.Try, fmt.Sprintf("set aside: its worker was gone %d times", lossLimit+1))
	}
	if err := m.record.addResults(results); err != nil {
		return brokenRecord{err}
	}
	return acknowledge(deliveries)
}

// giveUp records every task that has not ended as unfinished.
func (m *master) giveUp() error {
	var results []Result
	for index, ended := range m.record.ended {
		if !ended {
			tries := 0
			if index < m.record.queued {
				tries = m.record.tries[index]
			}
			results = append(results, m.result(index+1, Unfinished, tries, time.Now().UTC()))
		}
	}
	m.progress.note(fmt.Sprintf("the deadline of %v has come: %d tasks are unfinished", m.settings.Deadline, len(results)))
	if err := m.record.addResults(results); err != nil {
		return brokenRecord{err}
	}
	return nil
}

// removeQueues deletes the queues of a run that is complete; a broker that stays away keeps them until they expire.
func (m *master) removeQueues(ctx context.Context) error {
	connection, err := dial(m.settings.Broker, "master")
	if err == nil {
		defer hangUp(connection)
		var channel *amqp.Channel
		if channel, err = connection.Channel(); err == nil {
			err = m.queues.delete(channel)
		}
	}
	if err != nil {
		log.Printf("the queues stay until they expire: %v", err)
	}
	return ctx.Err()
}
