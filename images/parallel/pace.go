package main

import "time"

const (
	// shortTask is what a task takes at most that a worker may have others waiting behind.
	shortTask = 20 * time.Millisecond
	// longTask is when a task is too long for that.
	longTask = 250 * time.Millisecond
	// shortTasks is how many short tasks in a row there must be first.
	shortTasks = 16
	// shortPrefetch is how many messages a worker has here then.
	shortPrefetch = 16
	// reportBatch is how many reports go together then: half, so that the next messages are here when they are wanted.
	reportBatch = shortPrefetch / 2
	// reportAge is how long a report waits for others at most, unless the task after it takes longer.
	reportAge = 20 * time.Millisecond
)

// pace decides how many messages a worker has here: one, so that no task waits behind another's while a worker is free;
// but several while tasks are so short that most of the time would go by between them.
type pace struct {
	// short is how many short tasks there were in a row.
	short int
	// many: the consumer has, or is to get, more than one message.
	many bool
}

func (p *pace) prefetch() int {
	p.many = p.short >= shortTasks
	if p.many {
		return shortPrefetch
	}
	return 1
}

// wantsChange tells that the consumer should have more messages at a time than it has, or fewer.
func (p *pace) wantsChange() bool { return p.many != (p.short >= shortTasks) }

// patience tells when a task is long; never if none waits behind it.
func (p *pace) patience() <-chan time.Time {
	if !p.many {
		return nil
	}
	return time.After(longTask)
}

// note takes note of how long a task took.
func (p *pace) note(seconds float64) {
	if seconds < shortTask.Seconds() {
		p.short++
	} else {
		p.short = 0
	}
}
