package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// lossLimit is how often a task may come back because its worker or the broker was gone, before it is set aside.
// Failing is counted by the master: this is for tasks that take their worker with them, and a restarting broker must
// not use it up.
const lossLimit = 20

// unusedQueueExpiry lets the queues of a job that was deleted halfway go.
const unusedQueueExpiry = 7 * 24 * time.Hour

// heartbeat finds connections that have died without a word in twice that time.
const heartbeat = 10 * time.Second

// reconnectDelay is the pause before the next attempt to reach the broker.
const reconnectDelay = 500 * time.Millisecond

// Queues are the names of a job's queues.
type Queues struct{ Tasks, Reports, Lost string }

func (b BrokerSettings) queues() Queues {
	return Queues{Tasks: b.Queues + ".tasks", Reports: b.Queues + ".reports", Lost: b.Queues + ".lost"}
}

func (q Queues) all() []string { return []string{q.Tasks, q.Reports, q.Lost} }

// renew makes empty queues, instead of those of them that are there. They are classic queues: a quorum queue would count
// how often a message comes back, but one that is only seconds old when RabbitMQ 3.10.8 is killed comes back without a
// leader or empty, which looks like one whose messages are under way. A classic queue is there with all that was confirmed,
// or it is gone.
func (q Queues) renew(channel *amqp.Channel) error {
	if err := q.delete(channel); err != nil {
		return err
	}
	arguments := amqp.Table{"x-queue-type": "classic", "x-expires": unusedQueueExpiry.Milliseconds()}
	for _, name := range q.all() {
		if _, err := channel.QueueDeclare(name, true, false, false, false, arguments); err != nil {
			return fmt.Errorf("declaring the queue %s: %w", name, err)
		}
	}
	return nil
}

// delete removes the queues with all that is in them.
func (q Queues) delete(channel *amqp.Channel) error {
	for _, name := range q.all() {
		if _, err := channel.QueueDelete(name, false, false, false); err != nil {
			return fmt.Errorf("deleting the queue %s: %w", name, err)
		}
	}
	return nil
}

// exist tells whether all of the queues are there.
func (q Queues) exist(connection *amqp.Connection) (bool, error) {
	for _, name := range q.all() {
		// A name that is not there closes the channel: each question has its own.
		channel, err := connection.Channel()
		if err != nil {
			return false, err
		}
		_, err = channel.QueueDeclarePassive(name, true, false, false, false, nil)
		var refusal *amqp.Error
		if errors.As(err, &refusal) && refusal.Code == amqp.NotFound {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		if err := channel.Close(); err != nil {
			return false, err
		}
	}
	return true, nil
}

// closeTimeout is how long a connection may take to be closed in good order.
const closeTimeout = 2 * time.Second

// dial connects to the broker.
func dial(settings BrokerSettings, name string) (*amqp.Connection, error) {
	properties := amqp.NewConnectionProperties()
	properties.SetClientConnectionName(name)
	config := amqp.Config{Heartbeat: heartbeat, Properties: properties, Dial: amqp.DefaultDial(heartbeat)}
	connection, err := amqp.DialConfig(settings.URL(), config)
	if err != nil {
		return nil, fmt.Errorf("the broker %s:%s: %w", settings.Host, settings.Port, err)
	}
	return connection, nil
}

func hangUp(connection *amqp.Connection) { _ = connection.CloseDeadline(time.Now().Add(closeTimeout)) }

// consumer takes a queue's messages on a channel of its own.
type consumer struct {
	channel    *amqp.Channel
	deliveries <-chan amqp.Delivery
}

const consumerTag = "parallel"

// consume starts a consumer with at most `prefetch` messages under way.
func consume(connection *amqp.Connection, queue string, prefetch int) (*consumer, error) {
	channel, err := connection.Channel()
	if err != nil {
		return nil, err
	}
	if err := channel.Qos(prefetch, 0, false); err != nil {
		return nil, err
	}
	deliveries, err := channel.Consume(queue, consumerTag, false, false, false, false, nil)
	if err != nil {
		return nil, fmt.Errorf("the queue %s: %w", queue, err)
	}
	return &consumer{channel, buffered(deliveries, prefetch)}, nil
}

// buffered lets those who look see how many messages are here: the library's own channel has no room for any.
func buffered(from <-chan amqp.Delivery, room int) <-chan amqp.Delivery {
	to := make(chan amqp.Delivery, room)
	go func() {
		defer close(to)
		for delivery := range from {
			to <- delivery
		}
	}()
	return to
}

// stop lets no more messages come: `deliveries` ends after those that are here.
func (c *consumer) stop() error { return c.channel.Cancel(consumerTag, false) }

// publisher sends messages that the broker confirms once they are safe.
type publisher struct {
	channel  *amqp.Channel
	returned chan amqp.Return
}

// publishLimit is how many messages are sent before the broker's answers are waited for: as many returned ones have room.
const publishLimit = 500

func newPublisher(connection *amqp.Connection) (*publisher, error) {
	channel, err := connection.Channel()
	if err != nil {
		return nil, err
	}
	if err := channel.Confirm(false); err != nil {
		return nil, err
	}
	returned := channel.NotifyReturn(make(chan amqp.Return, publishLimit))
	return &publisher{channel: channel, returned: returned}, nil
}

// publish puts messages into a queue and returns when the broker has them all safely, or with an error if it may not.
func publish[M any](ctx context.Context, p *publisher, queue string, messages []M) error {
	for chunk := range slices.Chunk(messages, publishLimit) {
		if err := publishChunk(ctx, p, queue, chunk); err != nil {
			return fmt.Errorf("publishing to %s: %w", queue, err)
		}
	}
	return nil
}

func publishChunk[M any](ctx context.Context, p *publisher, queue string, messages []M) error {
	confirmations := make([]*amqp.DeferredConfirmation, 0, len(messages))
	for _, message := range messages {
		body, err := json.Marshal(message)
		if err != nil {
			return err
		}
		publishing := amqp.Publishing{ContentType: "application/json", DeliveryMode: amqp.Persistent, Body: body}
		confirmation, err := p.channel.PublishWithDeferredConfirmWithContext(ctx, "", queue, true, false, publishing)
		if err != nil {
			return err
		}
		confirmations = append(confirmations, confirmation)
	}
	for _, confirmation := range confirmations {
		confirmed, err := confirmation.WaitContext(ctx)
		if err != nil {
			return err
		}
		if !confirmed {
			return errors.New("the broker did not confirm it")
		}
	}
	// The broker returns what no queue took before it confirms it.
	select {
	case returned, open := <-p.returned:
		if open {
			return errors.New(returned.ReplyText)
		}
		return amqp.ErrClosed
	default:
		return nil
	}
}
