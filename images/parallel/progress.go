package main

import (
	"fmt"
	"log"
	"strings"
	"time"
)

const (
	// progressInterval is how often progress is told while there is some.
	progressInterval = 5 * time.Second
	// silenceLimit is how long nothing may be told.
	silenceLimit = 30 * time.Second
	// failuresTold is how many failed tasks the log names; the results name all.
	failuresTold = 20
)

// progress tells in the log how far a run is.
type progress struct {
	record *record
	// started and endedBefore are what the speed is counted from: this process's start.
	started     time.Time
	endedBefore int
	told        time.Time
	toldCount   int
	failures    int
	lastNote    string
}

func newProgress(record *record) *progress {
	now := time.Now()
	p := &progress{record: record, started: now, endedBefore: record.endedCount, told: now, toldCount: record.endedCount}
	if record.begun.IsZero() {
		log.Printf("%d tasks", len(record.tasks))
	} else {
		log.Printf("going on: %s", p.state(now))
	}
	return p
}

// tell logs the state if it is time to.
func (p *progress) tell() {
	now := time.Now()
	silence := now.Sub(p.told)
	if silence >= silenceLimit || silence >= progressInterval && p.record.endedCount != p.toldCount {
		log.Print(p.state(now))
		p.told, p.toldCount, p.lastNote = now, p.record.endedCount, ""
	}
}

// note logs a line, once as long as it is the same.
func (p *progress) note(line string) {
	if line != p.lastNote {
		log.Print(line)
		p.lastNote = line
	}
}

// failed logs what became of a task that failed for good.
func (p *progress) failed(id, try int, what string) {
	p.failures++
	switch {
	case p.failures <= failuresTold:
		log.Printf("task %d failed for good, at try %d: %s", id, try, what)
	case p.failures == failuresTold+1:
		log.Print("more tasks failed: the results have them all")
	}
}

// state is, for example, "120 of 500 tasks (24 %), 3 failed, 10.2 a second, about 37s left".
func (p *progress) state(now time.Time) string {
	total, ended := len(p.record.tasks), p.record.endedCount
	percent := 100
	if total > 0 {
		percent = 100 * ended / total
	}
	text := fmt.Sprintf("%d of %d tasks (%d %%), %d failed", ended, total, percent, p.record.failures)
	here := ended - p.endedBefore
	if here == 0 || ended == total {
		return text
	}
	rate := float64(here) / now.Sub(p.started).Seconds()
	left := time.Duration(float64(total-ended) / rate * float64(time.Second)).Round(time.Second)
	return fmt.Sprintf("%s, %.1f a second, about %v left", text, rate, left)
}

// summary logs the end.
func (p *progress) summary() {
	since := time.Since(p.record.begun).Round(time.Second)
	if p.record.begun.IsZero() {
		since = 0
	}
	succeeded := p.record.endedCount - p.record.failures
	log.Printf("done in %v: %d tasks succeeded, %d did not", since, succeeded, p.record.failures)
}

// describe tells how a try ended: its code, time, and its last line.
func describe(ending Ending) string {
	text := fmt.Sprintf("exit code %d after %.1f s", ending.ExitCode, ending.Seconds)
	lines := strings.Split(strings.TrimSpace(ending.Output), "\n")
	if last := lines[len(lines)-1]; last != "" {
		text += fmt.Sprintf(", %q", last)
	}
	return text
}
