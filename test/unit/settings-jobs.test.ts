import * as assert from "node:assert/strict";

import { parseSettings, type SettingProblem, type SettingsError } from "../../components/settings";
import { stackNames } from "../../components/settings/jobs/names";
import { settingsErrorOf } from "./settings-error";

const context = { project: "nta", readFile: () => "" };
const parse = (jobs: unknown, secretKeys: string[] = []) =>
    parseSettings({ "nta:jobs": JSON.stringify(jobs) }, secretKeys, context).jobs;

function problemsOf(jobs: unknown, secretKeys: string[] = []): readonly SettingProblem[] {
    return settingsErrorOf(() => parse(jobs, secretKeys)).problems;
}

const batch = { kind: "batch", name: "report", image: "htmengine", command: ["true"] };

const cron = { ...batch, kind: "cron", schedule: "30 2 * * *" };
const service = { kind: "service", name: "web", image: "htmengine", type: "ClusterIP", ports: [{ port: 80 }] };

describe("settings: jobs", () => {
    it("get their defaults", () => {
        assert.deepEqual(parse([batch]), [
            {
                kind: "batch",
                name: "report",
                image: "htmengine",
                command: ["true"],
                env: {},
                resources: { cpu: "100m", memory: "256Mi" },
                retries: 0,
                wait: true,
            },
        ]);
    });

    it("of the kinds cron and service get theirs, too", () => {
        const resources = { cpu: "100m", memory: "256Mi" };
        assert.deepEqual(parse([cron, { ...service, name: "web", autoscale: { max: 3 } }]), [
            {
                ...cron,
                env: {},
                resources,
                retries: 0,
                timeZone: "Etc/UTC",
                concurrencyPolicy: "Forbid",
                suspend: false,
                keepSucceeded: 3,
                keepFailed: 3,
            },
            {
                ...service,
                env: {},
                resources,
                replicas: 1,
                ports: [{ name: "http", port: 80 }],
                readiness: {},
                liveness: {},
                drain: 5,
                stopTimeout: 30,
                autoscale: { min: 1, max: 3, cpu: 80 },
            },
        ]);
    });

    for (const schedule of [
        "*/5 * * * *",
        "0 9-17 * * mon-fri",
        "0 0 1,15 JAN *",
        "@daily",
        "@every 1h30m",
        "0 0 29 2 ?",
    ]) {
        it(`take the schedule ${schedule}`, () => {
            assert.equal((parse([{ ...cron, schedule }])[0] as { schedule: string }).schedule, schedule);
        });
    }

    it("take what --path has turned into numbers and truth values as the text that was typed", () => {
        const [job] = parse([{ ...batch, command: ["sleep", 5], env: { DEBUG: true, RATE: 0.5, NONE: "" } }]);
        assert.ok(job.kind === "batch");
        assert.deepEqual(job.command, ["sleep", "5"]);
        assert.deepEqual(job.env, { DEBUG: "true", RATE: "0.5", NONE: "" });
    });

    const wrongJobs: [what: string, job: unknown, key: string, wrong: RegExp, mend: RegExp][] = [
        ["no kind", { ...batch, kind: undefined }, "nta:jobs[0].kind", /no kind of job/, /rm --path/],
        ["an unknown kind", { ...batch, kind: "bach" }, "nta:jobs[0].kind", /no kind of job/, /rm --path/],
        ["no name", { ...batch, name: undefined }, "nta:jobs[0].name", /is missing/, /set --path 'jobs\[0\].name' /],
        ["a name in capitals", { ...batch, name: "Report" }, "nta:jobs[0].name", /no name/, /set --path/],
        [
            "an empty command",
            { ...batch, command: [] },
            "nta:jobs[0].command",
            /empty list/,
            /^write \["true"\] at jobs\[0\].command in/,
        ],
        [
            "a command as one text",
            { ...batch, command: "true" },
            "nta:jobs[0].command",
            /not a list/,
            /^write \["true"\] at/,
        ],
        ["an image without a tag", { ...batch, image: "ubuntu" }, "nta:jobs[0].image", /neither/, /htmengine/],
        [
            "a variable with a hyphen",
            { ...batch, env: { "A-B": "x" } },
            "nta:jobs[0].env.A-B",
            /environment/,
            /rm --path/,
        ],
        ["half a Secret's key", { ...batch, env: { A: { secret: "x" } } }, "nta:jobs[0].env.A", /neither/, /rm --path/],
        ["too many retries", { ...batch, retries: 101 }, "nta:jobs[0].retries", /more than 100/, /retries' 3$/],
        ["half a retry", { ...batch, retries: 0.5 }, "nta:jobs[0].retries", /whole number/, /set/],
        ["a deadline of nothing", { ...batch, deadline: 0 }, "nta:jobs[0].deadline", /less than 1/, /set/],
        ["no schedule", { ...cron, schedule: undefined }, "nta:jobs[0].schedule", /missing/, /'30 2 \* \* \*'/],
        ["a schedule in words", { ...cron, schedule: "daily" }, "nta:jobs[0].schedule", /has 1 fields/, /set/],
        ["a schedule of seconds", { ...cron, schedule: "0 0 * * * *" }, "nta:jobs[0].schedule", /6 fields/, /set/],
        ["minute 61", { ...cron, schedule: "61 * * * *" }, "nta:jobs[0].schedule", /no schedule/, /set/],
        ["a day that never comes", { ...cron, schedule: "0 0 30 2 *" }, "nta:jobs[0].schedule", /no time/, /set/],
        ["Sunday as 7", { ...cron, schedule: "0 0 * * 7" }, "nta:jobs[0].schedule", /Kubernetes/, /set/],
        ["Quartz's last day", { ...cron, schedule: "0 0 L * *" }, "nta:jobs[0].schedule", /Kubernetes/, /set/],
        ["a town that is none", { ...cron, timeZone: "Europe/Bonn" }, "nta:jobs[0].timeZone", /no time zone/, /Berlin/],
        ["an offset", { ...cron, timeZone: "+02:00" }, "nta:jobs[0].timeZone", /no time zone/, /Berlin/],
        ["an own policy", { ...cron, concurrencyPolicy: "wait" }, "nta:jobs[0].concurrencyPolicy", /choices/, /Forbid/],
        ["no port", { ...service, ports: [] }, "nta:jobs[0].ports", /empty/, /^write \[\{ "port": 80/],
        ["port 0", { ...service, ports: [{ port: 0 }] }, "nta:jobs[0].ports[0].port", /less than 1/, /80$/],
        [
            "a port's mistyped field",
            { ...service, ports: [{ prt: 1, port: 1 }] },
            "nta:jobs[0].ports[0].prt",
            /no field/,
            /rm/,
        ],
        [
            "two ports of one name",
            { ...service, ports: [{ port: 80 }, { port: 81 }] },
            "nta:jobs[0].ports[1].name",
            /name of port 0 too/,
            /set/,
        ],
        [
            "a path without /",
            { ...service, readiness: { path: "x" } },
            "nta:jobs[0].readiness.path",
            /no path/,
            /health/,
        ],
        [
            "fewer at most",
            { ...service, autoscale: { min: 3, max: 2 } },
            "nta:jobs[0].autoscale.max",
            /than min/,
            /set/,
        ],
        ["a name for an address", { ...service, clusterIP: "web" }, "nta:jobs[0].clusterIP", /no IPv4/, /10\.100/],
        [
            "a quantity without a unit",
            { ...batch, resources: { memory: "5" } },
            "nta:jobs[0].resources.memory",
            /quantity/,
            /256Mi/,
        ],
        [
            "a mistyped field",
            { ...batch, retrys: 1 },
            "nta:jobs[0].retrys",
            /no field of a batch entry/,
            /rm --path 'jobs\[0\].retrys'/,
        ],
        ["an entry that is no object", "batch", "nta:jobs[0]", /./, /rm --path 'jobs\[0\]'/],
    ];
    for (const [what, job, key, wrong, mend] of wrongJobs) {
        it(`with ${what} are refused at the field`, () => {
            const problems = problemsOf([job]);
            assert.equal(problems.length, 1, JSON.stringify(problems));
            assert.equal(problems[0].key, key);
            assert.match(problems[0].wrong, wrong);
            assert.match(problems[0].mend, mend);
            assert.ok(problems[0].right.length > 0);
        });
    }

    it("with the same name are refused, and told with every other problem", () => {
        const problems = problemsOf([batch, batch]);
        assert.deepEqual(
            problems.map(({ key, wrong }) => `${key} ${wrong}`),
            ["nta:jobs[1].name is the name of entry 0 too"],
        );
        assert.equal(
            problemsOf([
                { ...batch, retries: -1, shedule: "x" },
                { ...batch, name: "X" },
            ]).length,
            3,
        );
    });

    it("with a name that Taurus or its support has are refused", () => {
        const problems = problemsOf(stackNames.map((name) => ({ ...service, name })));
        assert.deepEqual(
            problems.map(({ key, value, wrong }) => `${key} = ${value} ${wrong}`),
            stackNames.map(
                (name, index) => `nta:jobs[${index}].name = "${name}" is the name of a part of Taurus or its support`,
            ),
        );
        assert.equal(problems[0].mend, "pulumi config set --path 'jobs[0].name' nightly-report");
    });

    it("with a name that a part of another entry has are refused", () => {
        const parallel = { kind: "parallel", name: "a", image: "htmengine", tasks: ["true"] };
        const parts = ["a-worker", "a-master", "a-tasks", "a-results", "a-rabbit"];
        assert.deepEqual(
            problemsOf([...parts.map((name) => ({ ...batch, name })), parallel]).map(({ value, wrong }) => [
                value,
                wrong,
            ]),
            parts.map((name) => [`"${name}"`, "is the name of a part of entry 5, a"]),
        );
        assert.equal(parse([{ ...batch, name: "b-worker" }, { ...batch, name: "b" }, parallel]).length, 3);
    });

    it("suggests the field that was meant", () => {
        assert.equal(problemsOf([{ ...batch, retrys: 1 }])[0].right, "perhaps retries");
    });

    it("do not show values that are stored encrypted", () => {
        const problems = problemsOf([{ ...batch, retries: 4711 }], ["nta:jobs"]);
        assert.deepEqual(
            problems.map(({ value }) => value),
            ["[secret]"],
        );
    });

    it("may publish a folder that is there", () => {
        const site = { kind: "static-files", name: "docs", folder: "docs", type: "ClusterIP" };
        assert.deepEqual(parse([site]), [
            { ...site, replicas: 1, keepVersions: 3, port: 80, resources: { cpu: "50m", memory: "64Mi" } },
        ]);
        const isFolder = (path: string) => path !== "docs";
        const jobs = JSON.stringify([batch, site, { ...site, name: "more", folder: "there" }]);
        assert.throws(
            () => parseSettings({ "nta:jobs": jobs }, [], { ...context, isFolder }),
            ({ problems }: SettingsError) => {
                assert.deepEqual(
                    problems.map(({ key, value, wrong }) => [key, value, wrong]),
                    [["nta:jobs[1].folder", '"docs"', "is no folder of this machine"]],
                );
                return true;
            },
        );
    });

    it("must be a list", () => {
        assert.match(problemsOf({ a: 1 })[0].wrong, /not a list/);
        assert.throws(() => parseSettings({ "nta:jobs": "report" }, [], context), /nta:jobs = "report" is not a list/);
    });
});

describe("settings: parallel jobs", () => {
    const parallel = { kind: "parallel", name: "regions", image: "htmengine", tasks: ["echo one"] };

    it("get their defaults", () => {
        assert.deepEqual(parse([parallel]), [
            {
                kind: "parallel",
                name: "regions",
                image: "htmengine",
                tasks: { list: ["echo one"] },
                command: ["/bin/sh", "-c"],
                env: {},
                resources: { cpu: "100m", memory: "256Mi" },
                workers: 2,
                tries: 3,
                broker: "stack",
                storage: "1Gi",
                wait: false,
            },
        ]);
    });

    const withFile = (text: string | Error, ...jobs: unknown[]) =>
        parseSettings({ "nta:jobs": JSON.stringify(jobs) }, [], {
            project: "nta",
            readFile: (file) => {
                assert.equal(file, "./tasks.txt");
                if (text instanceof Error) {
                    throw text;
                }
                return text;
            },
        }).jobs;
    const fromFile = { ...parallel, tasks: { file: "./tasks.txt" } };

    it("read their tasks from a file, one a line", () => {
        const [job] = withFile("echo one\r\n\n  echo two\n \n", fromFile);
        assert.deepEqual(job.kind === "parallel" && job.tasks, {
            list: ["echo one", "  echo two"],
            file: "./tasks.txt",
        });
    });

    it("can have their tasks from a command", () => {
        const [job] = parse([{ ...parallel, tasks: { command: ["ls", "tests"] } }]);
        assert.deepEqual(job.kind === "parallel" && job.tasks, { command: ["ls", "tests"] });
    });

    const refused = (text: string | Error, job: unknown): string[] =>
        settingsErrorOf(() => withFile(text, batch, job)).problems.map(
            ({ key, value, wrong }) => `${key} = ${value} ${wrong}`,
        );

    it("with a file that can't be read, or has no tasks, are refused at the field", () => {
        const absent = Object.assign(new Error("no such file"), { code: "ENOENT" });
        const at = 'nta:jobs[1].tasks.file = "./tasks.txt"';
        assert.deepEqual(refused(absent, fromFile), [`${at} can't be read (ENOENT)`]);
        assert.deepEqual(refused("\n \n", fromFile), [`${at} has no tasks`]);
    });

    it("with more tasks than a ConfigMap takes are refused, and told the way out", () => {
        const [problem] = refused("x".repeat(999_999) + "\ny\n", fromFile);
        assert.match(problem, /^nta:jobs\[1\]\.tasks = .* has 1000002 bytes of tasks, .* with \{ command \}$/);
    });

    for (const [what, tasks, wrong] of [
        ["no tasks", undefined, /is missing/],
        ["an empty list", [], /neither tasks/],
        ["a task of two lines", ["a\nb"], /neither tasks/],
        ["a file and a command", { file: "a", command: ["b"] }, /neither tasks/],
    ] as const) {
        it(`with ${what} are refused`, () => {
            const problems = problemsOf([{ ...parallel, tasks }]);
            assert.deepEqual(
                problems.map(({ key }) => key),
                ["nta:jobs[0].tasks"],
            );
            assert.match(problems[0].wrong, wrong);
        });
    }
});
