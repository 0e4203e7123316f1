package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// offline is the subcommand that runs a command without a network.
	offline = "offline"
	// enter is the subcommand that finishes a network namespace from inside.
	enter = "enter"
)

// stopPatience is how long a command may take to stop by itself when the pod is ended.
const stopPatience = 20 * time.Second

// isolated makes a command that runs in a network namespace of its own, in which there is loopback and nothing else: no
// address, no route, no name server. Its processes can't leave it: the pod's namespace belongs to a user namespace in which
// they have no rights.
//
// Who is not root gets a user namespace as well, for the right to make the other, and stays the same user in it.
func isolated(ctx context.Context, command []string) (*exec.Cmd, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	child := exec.CommandContext(ctx, self, append([]string{enter, "--"}, command...)...)
	child.Cancel = func() error { return child.Process.Signal(syscall.SIGTERM) }
	child.WaitDelay = stopPatience
	attributes := &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	if user, group := os.Getuid(), os.Getgid(); user != 0 {
		attributes.Cloneflags |= syscall.CLONE_NEWUSER
		attributes.UidMappings = []syscall.SysProcIDMap{{ContainerID: user, HostID: user, Size: 1}}
		attributes.GidMappings = []syscall.SysProcIDMap{{ContainerID: group, HostID: group, Size: 1}}
		attributes.AmbientCaps = []uintptr{unix.CAP_NET_ADMIN}
	}
	child.SysProcAttr = attributes
	return child, nil
}

// runIsolated runs a command without a network to its end. Without a name for the step, whoever called it says how it ended.
func runIsolated(ctx context.Context, what string, command []string) error {
	child, err := isolated(ctx, command)
	if err != nil {
		return err
	}
	err = refused(step(what, child))
	var failed failure
	if what == "" && errors.As(err, &failed) {
		return failure{"", failed.code}
	}
	return err
}

// refused explains why a command could not be isolated.
func refused(err error) error {
	if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EACCES) {
		return fmt.Errorf("%w: the node lets no pod make user namespaces, without which the network can't be cut "+
			"(sysctl user.max_user_namespaces, kernel.unprivileged_userns_clone, kernel.apparmor_restrict_unprivileged_userns)", err)
	}
	return err
}

// enterCommand turns loopback on, makes sure that there is nothing else, and becomes the command.
func enterCommand(command []string) error {
	// Capabilities are a thread's, and the thread that calls exec is the one whose count.
	runtime.LockOSThread()
	if err := loopbackUp(); err != nil {
		return fmt.Errorf("turning on the loopback interface: %w", err)
	}
	interfaces, err := net.Interfaces()
	if err != nil {
		return err
	}
	if other := otherThanLoopback(interfaces); other != "" {
		return fmt.Errorf("the network is not cut: there is the interface %s", other)
	}
	if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); err != nil {
		return err
	}
	path, err := exec.LookPath(command[0])
	if err != nil {
		return failure{err.Error(), 127}
	}
	return failure{fmt.Sprintf("%s: %v", path, syscall.Exec(path, command, os.Environ())), 126}
}

func loopbackUp() error {
	socket, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(socket)
	request, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	request.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	return unix.IoctlIfreq(socket, unix.SIOCSIFFLAGS, request)
}

// otherThanLoopback names an interface that is on and not loopback, if there is one. The kernel itself may put tunnels into
// each namespace, which are off.
func otherThanLoopback(interfaces []net.Interface) string {
	for _, one := range interfaces {
		if one.Flags&net.FlagUp != 0 && one.Flags&net.FlagLoopback == 0 {
			return one.Name
		}
	}
	return ""
}
