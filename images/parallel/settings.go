package main

import (
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// environmentPrefix begins the names of this program's variables, which tasks do not get to see.
const environmentPrefix = "PARALLEL_"

// BrokerSettings say where RabbitMQ is and which queues of it are a job's.
type BrokerSettings struct {
	Host, Port, User, Password string
	// Queues is the first part of the queues' names.
	Queues string
}

// URL is the broker's address with the login.
func (b BrokerSettings) URL() string {
	login := url.UserPassword(b.User, b.Password)
	return (&url.URL{Scheme: "amqp", User: login, Host: net.JoinHostPort(b.Host, b.Port), Path: "/"}).String()
}

// WorkerSettings are the environment of a worker.
type WorkerSettings struct {
	Broker BrokerSettings
	// Name stands in results: the pod's name.
	Name string
	// Timeout ends a try that takes longer; none if 0.
	Timeout time.Duration
}

// MasterSettings are the environment of the master.
type MasterSettings struct {
	Broker BrokerSettings
	// Run tells one run from another: the same for each pod of a Job, and for no other Job.
	Run string
	// Tasks is a file with one task a line. If empty, `list` has put one into the run's folder.
	Tasks string
	// Results is a folder on a volume that outlives the pod.
	Results string
	// Tries is how often a failing task is run.
	Tries int
	// Deadline ends the run, counted from its first start; none if 0.
	Deadline time.Duration
	// Workers is the ReplicationController to scale; none is scaled if its name is empty.
	Workers ControllerName
}

// environment reads variables and keeps what is wrong with them.
type environment struct {
	get      func(string) string
	problems []string
}

func (e *environment) text(name string) string {
	value := e.get(environmentPrefix + name)
	if value == "" {
		e.problems = append(e.problems, fmt.Sprintf("%s%s is not set", environmentPrefix, name))
	}
	return value
}

func (e *environment) optional(name string) string { return e.get(environmentPrefix + name) }

// number is a whole number of `least` or more; `otherwise` where it is not set.
func (e *environment) number(name string, least, otherwise int) int {
	value := e.optional(name)
	if value == "" {
		return otherwise
	}
	number, err := strconv.Atoi(value)
	if err != nil || number < least {
		problem := fmt.Sprintf("%s%s is %q, expected a whole number from %d up", environmentPrefix, name, value, least)
		e.problems = append(e.problems, problem)
	}
	return number
}

func (e *environment) seconds(name string) time.Duration {
	return time.Duration(e.number(name, 0, 0)) * time.Second
}

func (e *environment) broker() BrokerSettings {
	return BrokerSettings{
		Host:     e.text("BROKER_HOST"),
		Port:     e.text("BROKER_PORT"),
		User:     e.text("BROKER_USER"),
		Password: e.text("BROKER_PASSWORD"),
		Queues:   e.text("QUEUES"),
	}
}

func (e *environment) err() error {
	if len(e.problems) == 0 {
		return nil
	}
	return misuse{strings.Join(e.problems, "; ")}
}

func workerSettings(get func(string) string) (WorkerSettings, error) {
	e := environment{get: get}
	settings := WorkerSettings{Broker: e.broker(), Name: e.text("WORKER"), Timeout: e.seconds("TASK_TIMEOUT")}
	return settings, e.err()
}

func masterSettings(get func(string) string) (MasterSettings, error) {
	e := environment{get: get}
	settings := MasterSettings{
		Broker:   e.broker(),
		Run:      e.text("RUN"),
		Tasks:    e.optional("TASKS"),
		Results:  e.text("RESULTS"),
		Tries:    e.number("TRIES", 1, 1),
		Deadline: e.seconds("DEADLINE"),
	}
	if name := e.optional("CONTROLLER"); name != "" {
		settings.Workers = ControllerName{Namespace: e.text("NAMESPACE"), Name: name}
	}
	return settings, e.err()
}
