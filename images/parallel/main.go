// parallel runs a list of commands on many workers, over RabbitMQ: one task a message, each task's outcome recorded once.
//
// It is one static program, so that its worker can stand in any Linux image beside the user's own command.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"os/signal"
	"syscall"
)

// Exit codes of the master, which its Job tells apart: only what a new pod may mend is tried again.
const (
	exitFailed      = 1 // a task failed for good, or the deadline came
	exitMisused     = 2 // wrong arguments or environment
	exitBroken      = 3 // something around it broke: a volume, a file
	exitInterrupted = 128 + int(syscall.SIGTERM)
)

const usage = `usage: parallel <subcommand>

  master                     hands the tasks out, records what became of them, ends when all have ended
  worker -- COMMAND...       runs tasks: COMMAND with the task's text as its last argument
  install FILE               copies this program to FILE
  list FILE -- COMMAND...    writes the lines that COMMAND prints to FILE, unless FILE is there already
  results FOLDER             prints the results of the latest run
  hold                       waits until it is stopped, so that 'results' can be run in its container

The environment (PARALLEL_...) says the rest; settings.go has the names.`

// misuse is an error in how the program was called.
type misuse struct{ message string }

func (m misuse) Error() string { return m.message }

func main() {
	log.SetFlags(log.LstdFlags | log.LUTC)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	code, err := run(ctx, os.Args[1:])
	if err != nil {
		log.Print("error: ", err)
	}
	os.Exit(code)
}

// run carries out a subcommand and tells the exit code.
func run(ctx context.Context, args []string) (int, error) {
	if len(args) == 0 {
		return exitMisused, errors.New(usage)
	}
	code, err := subcommand(ctx, args[0], args[1:])
	switch {
	case err == nil:
		return code, nil
	case errors.As(err, &misuse{}):
		return exitMisused, err
	case errors.Is(err, context.Canceled):
		return exitInterrupted, errors.New("stopped before the end")
	case code != 0:
		return code, err
	}
	return exitBroken, err
}

func subcommand(ctx context.Context, name string, args []string) (int, error) {
	switch name {
	case "master":
		settings, err := masterSettings(os.Getenv)
		if err != nil {
			return 0, err
		}
		return runMaster(ctx, settings)
	case "worker":
		command, err := afterDashes(args)
		if err != nil {
			return 0, err
		}
		settings, err := workerSettings(os.Getenv)
		if err != nil {
			return 0, err
		}
		return 0, newWorker(settings, command).run(ctx)
	case "install":
		if len(args) != 1 {
			return 0, misuse{"install takes one argument: the file to make"}
		}
		return 0, install(args[0])
	case "list":
		if len(args) == 0 {
			return 0, misuse{"list takes a file, then -- and a command"}
		}
		command, err := afterDashes(args[1:])
		if err != nil {
			return 0, err
		}
		return listTasks(ctx, args[0], command)
	case "results":
		if len(args) != 1 {
			return 0, misuse{"results takes one argument: the folder of the results"}
		}
		return 0, printResults(args[0], os.Stdout)
	case "hold":
		<-ctx.Done()
		return 0, nil
	}
	return 0, misuse{fmt.Sprintf("there is no subcommand %q\n%s", name, usage)}
}

func afterDashes(args []string) ([]string, error) {
	if len(args) < 2 || args[0] != "--" {
		return nil, misuse{"a command is missing: give it after --"}
	}
	return args[1:], nil
}
