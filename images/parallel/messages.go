package main

import "time"

// Task is a message to a worker: one try of one command.
type Task struct {
	Run string `json:"run"`
	// ID is the task's line in the list, from 1.
	ID int `json:"id"`
	// Try counts from 1.
	Try  int    `json:"try"`
	Text string `json:"text"`
	// Losses is how often the task came back because its worker or the broker was gone.
	Losses int `json:"losses,omitempty"`
}

// Report is what a worker tells of a try that has ended; its messages are lists of reports.
type Report struct {
	Run string `json:"run"`
	ID  int    `json:"id"`
	Try int    `json:"try"`
	Ending
	Worker string    `json:"worker"`
	Ended  time.Time `json:"ended"`
}

// Ending is what became of a command.
type Ending struct {
	// ExitCode is 128 and more for signals, 124 after a timeout, 127 or 126 if it could not be started.
	ExitCode int `json:"exitCode"`
	// Output is the end of what it printed, to either stream.
	Output string `json:"output"`
	// OutputCut says that the output began before that.
	OutputCut bool    `json:"outputCut"`
	Seconds   float64 `json:"seconds"`
}

// Outcome is a word for what became of a task.
type Outcome string

const (
	Succeeded Outcome = "succeeded"
	// Failed: its last try ended with something other than 0.
	Failed Outcome = "failed"
	// Lost: worker after worker was gone before it ended.
	Lost Outcome = "lost"
	// Unfinished: the deadline came first.
	Unfinished Outcome = "unfinished"
)

// Result is a task's line in the results. What a task that was lost or not finished has not got is null.
type Result struct {
	Task    int     `json:"task"`
	Command string  `json:"command"`
	Outcome Outcome `json:"outcome"`
	// Tries is how many tries were begun, as far as is known.
	Tries     int       `json:"tries"`
	ExitCode  *int      `json:"exitCode"`
	Seconds   *float64  `json:"seconds"`
	Output    *string   `json:"output"`
	OutputCut bool      `json:"outputCut"`
	Worker    *string   `json:"worker"`
	Ended     time.Time `json:"ended"`
}
