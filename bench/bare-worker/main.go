// bare-worker is what the worker of a parallel job is measured against: an AMQP client that runs the text of each message
// as a command and acknowledges it when the command has ended, and does nothing else.
//
//	bare-worker fill URL QUEUE COUNT TEXT    puts COUNT messages into a new queue
//	bare-worker work URL QUEUE COMMAND...    runs COMMAND with each message's text until the queue is empty, and prints
//	                                         when it acknowledged the last one, in milliseconds since 1970
package main

import (
	"fmt"
	"log"
	"os"
	"os/exec"
	"strconv"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// idle is how long a queue gives nothing when it is empty.
const idle = 2 * time.Second

func must[T any](value T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return value
}

func main() {
	connection := must(amqp.Dial(os.Args[2]))
	defer connection.Close()
	channel := must(connection.Channel())
	if os.Args[1] == "fill" {
		fill(channel, os.Args[3], must(strconv.Atoi(os.Args[4])), os.Args[5])
	} else {
		work(channel, os.Args[3], os.Args[4:])
	}
}

func fill(channel *amqp.Channel, queue string, count int, text string) {
	_ = must(channel.QueueDelete(queue, false, false, false))
	_ = must(channel.QueueDeclare(queue, true, false, false, false, amqp.Table{"x-queue-type": "classic"}))
	must(0, channel.Confirm(false))
	for sent := 0; sent < count; {
		var last *amqp.DeferredConfirmation
		for range min(500, count-sent) {
			message := amqp.Publishing{DeliveryMode: amqp.Persistent, Body: []byte(text)}
			last = must(channel.PublishWithDeferredConfirm("", queue, false, false, message))
			sent++
		}
		last.Wait()
	}
}

func work(channel *amqp.Channel, queue string, command []string) {
	must(0, channel.Qos(1, 0, false))
	deliveries := must(channel.Consume(queue, "", false, false, false, false, nil))
	last := time.Now()
	for {
		select {
		case delivery := <-deliveries:
			_ = exec.Command(command[0], append(command[1:], string(delivery.Body))...).Run()
			must(0, delivery.Ack(false))
			last = time.Now()
		case <-time.After(idle):
			fmt.Println(last.UnixMilli())
			return
		}
	}
}
