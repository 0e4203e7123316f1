/** Entries of the setting `jobs`, of every kind: what the end-to-end test declares. */

const resources = { cpu: "20m", memory: "64Mi" };
const runsInShell = (script: string) => ({ image: "htmengine", command: ["sh", "-c", script], resources });

/** The example of docs/workloads.md. */
export const regionTests = {
    kind: "batch",
    name: "region-tests",
    image: "htmengine",
    command: ["python", "-m", "pytest", "-p", "no:cacheprovider", "--pyargs", "nupic.bindings.tests.pyregion_test"],
    resources: { cpu: "100m", memory: "512Mi" },
};

export const retried = {
    kind: "batch",
    name: "retried",
    ...runsInShell("echo tried; exit 7"),
    retries: 1,
    wait: false,
};

/** Runs for longer than it may. */
export const endless = {
    kind: "batch",
    name: "endless",
    ...runsInShell("echo begun; trap 'exit 1' TERM; sleep 1000 & wait"),
    deadline: 5,
    wait: false,
};

export const failing = { kind: "batch", name: "failing", ...runsInShell("seq -f 'line %g' 1 30; exit 7") };

export const nightly = {
    kind: "cron",
    name: "nightly",
    ...runsInShell("echo a report"),
    schedule: "30 2 * * *",
    timeZone: "Europe/Berlin",
};

export const everyMinute = {
    kind: "cron",
    name: "every-minute",
    ...runsInShell("echo nothing to report; exit 3"),
    schedule: "* * * * *",
};

/** Its tasks are what a command prints; `pulumi up` waits for its end. */
export const words = {
    kind: "parallel",
    name: "words",
    image: "htmengine",
    tasks: { command: ["sh", "-c", "for word in one two three; do echo echo $word; done"] },
    workers: 1,
    resources,
    wait: true,
};

/** Asks the service `web` until its second release answers. */
const untilSecondRelease =
    String.raw`until [ "$({ exec 3<>/dev/tcp/web/80; printf 'GET / HTTP/1.0\r\n\r\n' >&3; tail -c 1 <&3; } 2>&-)" = 2 ]; ` +
    "do sleep 1; done";

/**
 * The tasks of the survey, as its file has them. The first one fails for good, the second at its first try; the last ones
 * are for what is left when the second release of the service is there.
 */
export const surveyList = [
    "exit 3",
    "echo $TASK_ID; test $TASK_TRY = 2",
    ...Array.from({ length: 18 }, () => "sleep 1; echo $TASK_ID"),
    ...Array.from({ length: 60 }, () => `${untilSecondRelease}; sleep 1; echo $TASK_ID`),
];

/** @param file Path of the file with the tasks. */
export const survey = (file: string, workers: number) => ({
    kind: "parallel",
    name: "survey",
    image: "htmengine",
    tasks: { file },
    command: ["bash", "-c"],
    tries: 2,
    workers,
    resources,
});

const webServer = `
import os
from BaseHTTPServer import BaseHTTPRequestHandler, HTTPServer

class Release(BaseHTTPRequestHandler):
    def do_GET(self):
        body = os.environ["RELEASE"]
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass

HTTPServer.request_queue_size = 128
HTTPServer(("", 8080), Release).serve_forever()
`;

/** A service that answers with its release. */
export const web = (release: string) => ({
    kind: "service",
    name: "web",
    image: "htmengine",
    command: ["python", "-c", webServer],
    env: { RELEASE: release },
    resources,
    replicas: 2,
    ports: [{ port: 80, containerPort: 8080 }],
    readiness: { path: "/" },
    stopTimeout: 1,
});

/** @param folder Path of the folder that is published. */
export const site = (folder: string) => ({ kind: "static-files", name: "site", folder, replicas: 2 });
