/** What a debug session runs in a container, in Python 2 or 3 alone: an image may have no other programs. */

/** What {@link askPython} prints. */
export interface PythonFacts {
    /** As `2.7.18`. */
    version: string;
    /** Where files can be put. */
    folder: string;
    /** The container's working folder. */
    directory: string;
}

/** Prints {@link PythonFacts} as JSON. */
export const askPython = `
import json, os, sys, tempfile
try:
    folder = tempfile.gettempdir()
except Exception:
    # Every container has this one, also when its root is read-only.
    folder = "/dev/shm"
print(json.dumps({"version": "%d.%d.%d" % sys.version_info[:3], "folder": folder, "directory": os.getcwd()}))
`;

/** Unpacks the wheel on standard input into the folder that the argument names. */
export const unpackWheel = `
import io, sys, zipfile
data = getattr(sys.stdin, "buffer", sys.stdin).read()
zipfile.ZipFile(io.BytesIO(data)).extractall(sys.argv[1])
`;

/** Prints the command line of each Python process as one JSON list of lists. */
export const pythonProcesses = `
import json, os
found = []
for pid in sorted((name for name in os.listdir("/proc") if name.isdigit()), key=int):
    try:
        with open("/proc/%s/cmdline" % pid, "rb") as file:
            words = [word.decode("utf-8", "replace") for word in file.read().split(b"\\0")[:-1]]
    except (IOError, OSError):
        continue
    if words and os.path.basename(words[0]).startswith("python") and int(pid) != os.getpid():
        found.append(words)
print(json.dumps(found))
`;

/** Ends with 0 as soon as the port that the argument names is listened on, with 1 after the seconds of the second one. */
export const waitForListener = `
import sys, time
port = "%04X" % int(sys.argv[1])
end = time.time() + float(sys.argv[2])
while time.time() < end:
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            rows = [line.split() for line in open(table)][1:]
        except IOError:
            continue
        if any(row[1].endswith(":" + port) and row[3] == "0A" for row in rows):
            sys.exit(0)
    time.sleep(0.1)
sys.exit(1)
`;

/** Becomes the program of the third argument and later: with its process id in the first file, modules of the second folder. */
export const becomeDebuggee = `
import os, sys
with open(sys.argv[1], "w") as file:
    file.write(str(os.getpid()))
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [sys.argv[2], os.environ.get("PYTHONPATH")]))
os.execvp(sys.argv[3], sys.argv[3:])
`;

/** Ends the process whose id is in the file that the argument names, and removes the file. */
export const endDebuggee = `
import os, signal, sys
try:
    with open(sys.argv[1]) as file:
        pid = int(file.read())
    os.remove(sys.argv[1])
    os.kill(pid, signal.SIGTERM)
except (IOError, OSError, ValueError):
    pass
`;

/**
 * The command that runs another one under debugpy, which waits for a debugger on the port.
 *
 * @param command `python [options] (-m module | -c code | file) [arguments]`; undefined is given for anything else.
 */
export function underDebugger(command: readonly string[], port: number): string[] | undefined {
    const [program, ...rest] = command;
    if (program === undefined || !/(^|\/)python[\d.]*$/.test(program)) {
        return undefined;
    }
    const target = rest.findIndex((word) => ["-m", "-c"].includes(word) || !word.startsWith("-"));
    if (target < 0) {
        return undefined;
    }
    const listen = ["-m", "debugpy", "--listen", `127.0.0.1:${port}`, "--wait-for-client"];
    return [program, ...rest.slice(0, target), ...listen, ...rest.slice(target)];
}
