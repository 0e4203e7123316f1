import * as assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";

import { parseSettings, SettingsError } from "../../components/settings";
import { commitLine, layOutCheckout } from "../../components/workloads/ci-build/checkout-image";
import { CiBuild } from "../../components/workloads/ci-build/ci-build";
import { type Commit, type CommitLookup, exportCommit, findCommit } from "../../components/workloads/ci-build/git";
import { ciBuildJob, type CiBuildSpec } from "../../components/workloads/ci-build/job";
import { ciBuildReport, failedStep } from "../../operations/ci-build/report";
import type { ContainerStatus, Job, Pod } from "../../operations/objects";
import { runProgram } from "../../tools/preview-diff/mock-engine";

const id = "0123456789abcdef0123456789abcdef01234567";
const commit: Commit = { folder: "/home/ada/app", id, tree: "7ee0", time: 1_700_000_000, subject: "Add a test" };

let root: string;
let checkout: string;

/** Gives each test a folder of its own, with one for a checkout in it. */
function usesCheckout(): void {
    beforeEach(() => {
        root = fs.mkdtempSync(path.join(os.tmpdir(), "nta-ci-"));
        checkout = path.join(root, "app");
        fs.mkdirSync(checkout);
    });
    afterEach(() => fs.rmSync(root, { recursive: true, force: true }));
}

const git = (...args: string[]) => {
    const env = { ...process.env, GIT_CONFIG_GLOBAL: "/dev/null" };
    const who = ["-c", "user.name=ada", "-c", "user.email=ada@localhost", "-c", "init.defaultBranch=main"];
    return execFileSync("git", [...who, ...args], { cwd: checkout, encoding: "utf8", stdio: "pipe", env }).trim();
};

function write(file: string, text: string, mode = 0o644): void {
    const target = path.join(checkout, file);
    fs.mkdirSync(path.dirname(target), { recursive: true });
    fs.writeFileSync(target, text, { mode });
}

function commitAll(message: string): string {
    git("add", "--all");
    git("commit", "--quiet", "--allow-empty", "--message", message);
    return git("rev-parse", "HEAD");
}

function begin(): string {
    git("init", "--quiet");
    write("Dockerfile", "FROM debian:bookworm\n");
    write("tests/run", "#!/bin/sh\n", 0o755);
    write(".gitattributes", "tests export-ignore\n");
    fs.symlinkSync("tests/run", path.join(checkout, "link"));
    return commitAll("Begin\n\nWith more to say.");
}

/** The commit that a lookup has found. */
function found(lookup: CommitLookup): { commit: Commit; files: readonly string[] } {
    assert.ok("commit" in lookup, JSON.stringify(lookup));
    return lookup;
}

describe("ci builds: a checkout", () => {
    usesCheckout();

    it("has the commit that is checked out, whatever is not committed", () => {
        const first = begin();
        write("Dockerfile", "FROM another\n");
        write("new", "");
        const { commit: head, files } = found(findCommit(checkout, "HEAD"));
        assert.deepEqual(head, {
            folder: checkout,
            id: first,
            tree: git("rev-parse", "HEAD^{tree}"),
            time: Number(git("show", "--no-patch", "--format=%ct")),
            subject: "Begin",
        });
        assert.deepEqual(files, [".gitattributes", "Dockerfile", "link", "tests/run"]);
    });

    it("has the commit of a branch, a tag or an id", () => {
        const first = begin();
        git("tag", "v1");
        const second = commitAll("Next");
        for (const [ref, expected] of [
            ["v1", first],
            ["main", second],
            [first.slice(0, 8), first],
        ]) {
            assert.equal(found(findCommit(checkout, ref)).commit.id, expected, ref);
        }
    });

    it("may be a folder of one", () => {
        begin();
        const { commit: folder, files } = found(findCommit(path.join(checkout, "tests"), "HEAD"));
        assert.deepEqual(files, ["run"]);
        assert.equal(folder.tree, git("rev-parse", "HEAD:tests"));
    });

    it("that can't be used says why", () => {
        const absent = path.join(root, "absent");
        assert.deepEqual(findCommit(absent, "HEAD"), { field: "checkout", wrong: "is no folder of this machine" });
        assert.deepEqual(findCommit(checkout, "HEAD"), { field: "checkout", wrong: "is no git checkout" });
        git("init", "--quiet");
        assert.deepEqual(findCommit(checkout, "HEAD"), { field: "checkout", wrong: "has no commit yet" });
        const first = begin();
        assert.deepEqual(findCommit(checkout, "mian"), {
            field: "ref",
            wrong: `is no commit, tag or branch of ${checkout}`,
            known: ["main"],
        });
        assert.ok("wrong" in findCommit(checkout, "--all"));
        fs.mkdirSync(path.join(checkout, "new"));
        assert.deepEqual(findCommit(path.join(checkout, "new"), "HEAD"), {
            field: "checkout",
            wrong: `is not in the commit ${first.slice(0, 12)}`,
        });
    });

    it("is exported as it was committed: what releases leave out as well, links and modes", () => {
        begin();
        const { commit: head } = found(findCommit(checkout, "HEAD"));
        write("Dockerfile", "FROM another\n");
        const target = path.join(root, "export");
        fs.mkdirSync(target);
        exportCommit(head, target);
        assert.deepEqual((fs.readdirSync(target, { recursive: true }) as string[]).sort(), [
            ".gitattributes",
            "Dockerfile",
            "link",
            "tests",
            "tests/run",
        ]);
        assert.equal(fs.readFileSync(path.join(target, "Dockerfile"), "utf8"), "FROM debian:bookworm\n");
        assert.equal(fs.readlinkSync(path.join(target, "link")), "tests/run");
        assert.ok(fs.statSync(path.join(target, "tests/run")).mode & 0o100);
        assert.deepEqual(fs.readdirSync(root).sort(), ["app", "export"], "no index is left");
    });

    it("becomes a build context that depends on nothing but the commit", () => {
        begin();
        const { commit: head } = found(findCommit(checkout, "HEAD"));
        const context = path.join(root, "context");
        const modes = () =>
            ["checkout", "checkout/Dockerfile", "checkout/tests/run", "Dockerfile", "commit"].map((name) =>
                (fs.statSync(path.join(context, name)).mode & 0o777).toString(8),
            );
        const umask = process.umask(0o077);
        try {
            layOutCheckout(context, head);
        } finally {
            process.umask(umask);
        }
        assert.deepEqual(modes(), ["755", "644", "755", "644", "644"]);
        assert.equal(fs.readFileSync(path.join(context, "commit"), "utf8"), `${commitLine(head)}\n`);

        const inode = () => fs.statSync(path.join(context, "checkout")).ino;
        const before = inode();
        layOutCheckout(context, head);
        assert.equal(inode(), before, "the same commit is not exported again");
        fs.rmSync(path.join(checkout, "link"));
        commitAll("Without the link");
        layOutCheckout(context, found(findCommit(checkout, "HEAD")).commit);
        assert.ok(!fs.existsSync(path.join(context, "checkout/link")));
    });

    it("says which commit it is in one line", () => {
        assert.equal(commitLine(commit), `${id} of 2023-11-14T22:13:20Z: Add a test`);
    });
});

const spec: CiBuildSpec = {
    workloadName: "app",
    namespace: "taurus",
    commit,
    tests: {
        image: "localhost:5000/htmengine@sha256:1",
        command: ["python", "-m", "pytest"],
        env: { MODE: "full" },
        resources: { cpu: "250m", memory: "512Mi" },
    },
    dockerfile: "Dockerfile",
    buildArgs: { BASE: "htmengine" },
    resources: { cpu: "500m", memory: "1Gi" },
    deadline: 600,
    registry: { address: "localhost:5000", node: { name: "nta-dev-1", port: 5000 } },
};
const labels = {
    "app.kubernetes.io/name": "app",
    "app.kubernetes.io/part-of": "taurus",
    "app.kubernetes.io/component": "ci-build",
};
const restricted = { allowPrivilegeEscalation: false, capabilities: { drop: ["ALL"] } };
const image = "localhost:5000/ci-build.app@sha256:2";

describe("ci builds: the Job", () => {
    it("has a container for each step, and of the rights that it is not restricted in no more than it needs", () => {
        assert.deepEqual(ciBuildJob(spec, image), {
            metadata: {
                name: "app",
                namespace: "taurus",
                labels,
                annotations: { "pulumi.com/replaceUnready": "true", "nta/commit": id },
            },
            spec: {
                backoffLimit: 0,
                activeDeadlineSeconds: 660,
                template: {
                    metadata: { labels },
                    spec: {
                        restartPolicy: "Never",
                        activeDeadlineSeconds: 600,
                        terminationGracePeriodSeconds: 30,
                        automountServiceAccountToken: false,
                        enableServiceLinks: false,
                        nodeSelector: { "kubernetes.io/hostname": "nta-dev-1" },
                        securityContext: {
                            runAsNonRoot: true,
                            runAsUser: 10001,
                            runAsGroup: 10001,
                            fsGroup: 10001,
                            fsGroupChangePolicy: "OnRootMismatch",
                        },
                        initContainers: [
                            {
                                name: "checkout",
                                image,
                                args: ["checkout", "/ci"],
                                resources: { requests: { cpu: "100m", memory: "32Mi" }, limits: { memory: "128Mi" } },
                                securityContext: {
                                    ...restricted,
                                    seccompProfile: { type: "RuntimeDefault" },
                                    readOnlyRootFilesystem: true,
                                },
                                volumeMounts: [{ name: "work", mountPath: "/ci" }],
                            },
                            {
                                name: "tests",
                                image: "localhost:5000/htmengine@sha256:1",
                                command: ["/ci/ci-build", "tests", "--", "python", "-m", "pytest"],
                                workingDir: "/ci/checkout",
                                env: [
                                    { name: "CI", value: "true" },
                                    { name: "CI_COMMIT", value: id },
                                    { name: "MODE", value: "full" },
                                ],
                                resources: { requests: { cpu: "250m", memory: "512Mi" }, limits: { memory: "512Mi" } },
                                securityContext: restricted,
                                volumeMounts: [{ name: "work", mountPath: "/ci" }],
                            },
                        ],
                        containers: [
                            {
                                name: "build",
                                image,
                                args: ["build", "BASE=htmengine"],
                                env: [
                                    { name: "CI_REGISTRY", value: "localhost:5000" },
                                    {
                                        name: "CI_NODE_ADDRESS",
                                        valueFrom: { fieldRef: { fieldPath: "status.hostIP" } },
                                    },
                                    { name: "CI_REGISTRY_ENDPOINT", value: "$(CI_NODE_ADDRESS):5000" },
                                    { name: "CI_REGISTRY_INSECURE", value: "true" },
                                    { name: "CI_IMAGE", value: "app" },
                                    { name: "CI_COMMIT", value: id },
                                    { name: "CI_COMMIT_TIME", value: "1700000000" },
                                    { name: "CI_DOCKERFILE", value: "Dockerfile" },
                                ],
                                resources: { requests: { cpu: "500m", memory: "1Gi" }, limits: { memory: "1Gi" } },
                                securityContext: {
                                    allowPrivilegeEscalation: true,
                                    capabilities: { drop: ["ALL"], add: ["SETUID", "SETGID"] },
                                    readOnlyRootFilesystem: true,
                                },
                                volumeMounts: [
                                    { name: "home", mountPath: "/home/ci" },
                                    { name: "tmp", mountPath: "/tmp" },
                                ],
                            },
                        ],
                        volumes: [
                            { name: "work", emptyDir: {} },
                            { name: "home", emptyDir: {} },
                            { name: "tmp", emptyDir: {} },
                        ],
                    },
                },
            },
        });
    });

    const podOf = (registry: CiBuildSpec["registry"]) => {
        const job = ciBuildJob({ ...spec, image: "team/app", registry }, image);
        return (job as unknown as { spec: { template: { spec: PodSpec } } }).spec.template.spec;
    };
    interface PodSpec {
        nodeSelector?: unknown;
        containers: [{ env: { name: string; value: string }[]; volumeMounts: unknown[] }];
        volumes: unknown[];
    }
    const address = "registry.example.com:5443/team";

    it("speaks to a registry of the user's own as the settings say, on any node", () => {
        const credentials = { username: "ada", password: { reveal: () => "pw" } };
        const pod = podOf({ address, access: { address, insecure: false, ca: "PEM", credentials } });
        assert.equal(pod.nodeSelector, undefined);
        const [{ env, volumeMounts }] = pod.containers;
        assert.deepEqual(env.slice(0, 5), [
            { name: "CI_REGISTRY", value: address },
            { name: "CI_REGISTRY_ENDPOINT", value: address },
            { name: "CI_REGISTRY_CA", value: "PEM" },
            { name: "CI_REGISTRY_LOGIN", value: "/registry-login/config.json" },
            { name: "CI_IMAGE", value: "team/app" },
        ]);
        assert.deepEqual(volumeMounts.at(-1), {
            name: "registry-login",
            mountPath: "/registry-login",
            readOnly: true,
        });
        assert.deepEqual(pod.volumes.at(-1), {
            name: "registry-login",
            secret: { secretName: "registry", items: [{ key: ".dockerconfigjson", path: "config.json" }] },
        });
        assert.ok(!JSON.stringify(pod).includes("pw"), "the password is in the Secret alone");
    });

    it("speaks plain HTTP where the settings say so", () => {
        const [{ env }] = podOf({ address, access: { address, insecure: true } }).containers;
        assert.deepEqual(env[2], { name: "CI_REGISTRY_INSECURE", value: "true" });
    });
});

describe("ci builds: the component", function () {
    // The first test loads the SDKs.
    this.timeout(60_000);
    usesCheckout();

    it("builds the commit's files on the builder, runs them, and tells the image", async () => {
        begin();
        const { commit: head } = found(findCommit(checkout, "HEAD"));
        const contexts = path.join(root, "contexts");
        const run = () =>
            runProgram(
                () => {
                    const build = new CiBuild("app", {
                        ...spec,
                        commit: head,
                        builder: "localhost:5000/ci-build@sha256:3",
                        build: { registry: "localhost:5000", contexts },
                    });
                    return { result: build.result };
                },
                {
                    provide: ({ type, inputs }) =>
                        type === "docker:index/image:Image" ? { ...inputs, repoDigest: image } : inputs,
                },
            );
        const { find, outputs } = await run();
        const { inputs } = find("docker:index/image:Image", "app-checkout");
        const context = path.join(contexts, "ci-build.app");
        assert.equal(inputs["imageName"], `localhost:5000/ci-build.app:${head.id.slice(0, 12)}`);
        assert.deepEqual(inputs["build"], {
            context,
            dockerfile: path.join(context, "Dockerfile"),
            platform: "linux/amd64",
            args: { BASE: "localhost:5000/ci-build@sha256:3" },
        });
        const job = find("kubernetes:batch/v1:Job", "app-job");
        assert.deepEqual([job.replaceOnChanges, job.deleteBeforeReplace], [["spec"], true]);
        assert.deepEqual(outputs["result"], {
            commit: head.id,
            image: "localhost:5000/app@[digest in the registry]",
        });
        assert.deepEqual((await run()).find("kubernetes:batch/v1:Job", "app-job").inputs, job.inputs);
    });
});

describe("settings: ci builds", () => {
    const build = {
        kind: "ci-build",
        name: "app",
        checkout: "../app",
        tests: { image: "htmengine", command: ["python", "-m", "pytest"] },
    };
    const right: CommitLookup = { commit, files: ["Dockerfile", "docker/Dockerfile", "setup.py"] };
    const parse = (
        jobs: unknown[],
        lookup: CommitLookup = right,
        given: Record<string, string> = {},
        keys: string[] = [],
    ) =>
        parseSettings({ "nta:jobs": JSON.stringify(jobs), ...given }, keys, {
            project: "nta",
            readFile: () => "",
            findCommit: () => lookup,
        }).jobs;
    const refused = (...args: Parameters<typeof parse>) => {
        try {
            parse(...args);
        } catch (error) {
            assert.ok(error instanceof SettingsError, String(error));
            return error.problems.map(({ key, value, wrong, right: rightValue }) => ({
                at: `${key} = ${value} ${wrong}`,
                right: rightValue,
            }));
        }
        return assert.fail("nothing was refused");
    };
    const texts = (...args: Parameters<typeof parse>) => refused(...args).map(({ at }) => at);

    it("get their defaults, and the commit that they are about", () => {
        assert.deepEqual(parse([build]), [
            {
                ...build,
                checkout: { folder: "../app", commit },
                ref: "HEAD",
                tests: { ...build.tests, env: {}, resources: { cpu: "250m", memory: "512Mi" } },
                dockerfile: "Dockerfile",
                buildArgs: {},
                resources: { cpu: "500m", memory: "1Gi" },
            },
        ]);
    });

    it("look the ref up in the checkout", () => {
        const asked: string[][] = [];
        parseSettings({ "nta:jobs": JSON.stringify([build, { ...build, name: "b", ref: "v1" }]) }, [], {
            project: "nta",
            readFile: () => "",
            findCommit: (folder, ref) => {
                asked.push([folder, ref]);
                return right;
            },
        });
        assert.deepEqual(asked, [
            ["../app", "HEAD"],
            ["../app", "v1"],
        ]);
    });

    it("are refused at the checkout where that is none", () => {
        assert.deepEqual(refused([build], { field: "checkout", wrong: "is no git checkout" }), [
            { at: 'nta:jobs[0].checkout = "../app" is no git checkout', right: "the path of a git checkout" },
        ]);
    });

    it("with an unknown ref are told the one that was meant", () => {
        const unknown = {
            field: "ref" as const,
            wrong: "is no commit, tag or branch of ../app",
            known: ["main", "v1"],
        };
        assert.deepEqual(refused([{ ...build, ref: "mian" }], unknown), [
            { at: 'nta:jobs[0].ref = "mian" is no commit, tag or branch of ../app', right: "perhaps main" },
        ]);
    });

    it("without their Dockerfile are told the one that was meant", () => {
        assert.deepEqual(refused([{ ...build, dockerfile: "dockerfile" }]), [
            {
                at: 'nta:jobs[0].dockerfile = "dockerfile" is no file of the commit 0123456789ab',
                right: "perhaps Dockerfile",
            },
        ]);
        assert.deepEqual(texts([build], { commit, files: ["setup.py"] }), [
            'nta:jobs[0].dockerfile = "Dockerfile" is no file of the commit 0123456789ab',
        ]);
    });

    for (const [what, change, problem] of [
        ["no checkout", { checkout: undefined }, "checkout = undefined is missing"],
        ["no tests", { tests: undefined }, "tests = undefined is missing"],
        ["tests without a command", { tests: { image: "htmengine" } }, "tests.command = undefined is missing"],
        [
            "a tests' image without a tag",
            { tests: { ...build.tests, image: "ubuntu" } },
            'tests.image = "ubuntu" is neither an image of this program nor a reference with a path, tag or digest',
        ],
        ["an image with a tag", { image: "app:1" }, 'image = "app:1" is no name of an image'],
        ["an image in capitals", { image: "App" }, 'image = "App" is no name of an image'],
        [
            "an argument with a hyphen",
            { buildArgs: { "A-B": "" } },
            'buildArgs.A-B = "" is no name of a build argument',
        ],
        ["a mistyped field", { dockerFile: "x" }, "dockerFile = undefined is no field of a ci-build entry"],
        ["our image", { image: "taurus" }, 'image = "taurus" is the name of an image of this program'],
        ["our base", { image: "debian" }, 'image = "debian" is the name of an image of this program'],
        [
            "a site's image",
            { image: "static-files.docs" },
            'image = "static-files.docs" is the name of an image of this program',
        ],
        ["the name of our image", { name: "htmengine" }, 'name = "htmengine" is the name of an image of this program'],
    ] as const) {
        it(`with ${what} are refused at the field`, () => {
            assert.deepEqual(texts([{ ...build, ...change }]), [`nta:jobs[0].${problem}`]);
        });
    }

    it("of two entries that make one image, the second is refused", () => {
        assert.deepEqual(texts([build, { ...build, name: "b", image: "app" }]), [
            'nta:jobs[1].image = "app" is the image of entry 0, app, too',
        ]);
    });

    it("are told with every other problem", () => {
        const wrong = [
            { ...build, image: "taurus", dockerfile: "none" },
            { ...build, name: "b" },
        ];
        assert.equal(texts(wrong, { commit, files: [] }, { "nta:nodes": "0" }).length, 4);
    });

    it("do not show values that are stored encrypted", () => {
        const [problem] = refused([{ ...build, dockerfile: "x" }], right, {}, ["nta:jobs"]);
        assert.equal(problem.at, "nta:jobs[0].dockerfile = [secret] is no file of the commit 0123456789ab");
    });

    it("on a cluster that is there want a registry that pods reach", () => {
        const existing = (registry: string) => ({
            "nta:cluster": "existing",
            "nta:kubeContext": "lab",
            "nta:registry": registry,
        });
        assert.deepEqual(texts([build], right, existing("localhost:5000")), [
            'nta:registry = "localhost:5000" is a loopback address, at which the pods of ci-build jobs find themselves',
        ]);
        assert.equal(parse([build], right, existing("registry.example.com")).length, 1);
        assert.deepEqual(parse([], right, existing("localhost:5000")), []);
    });
});

describe("ci builds: the report", () => {
    const now = new Date("2026-01-01T00:01:00Z");
    const ended = (name: string, exitCode: number, message?: string): ContainerStatus => ({
        name,
        image: "",
        imageID: "",
        ready: false,
        restartCount: 0,
        state: {
            terminated: {
                exitCode,
                reason: exitCode === 0 ? "Completed" : "Error",
                startedAt: "2026-01-01T00:00:00Z",
                finishedAt: "2026-01-01T00:00:07Z",
                ...(message === undefined ? {} : { message }),
            },
        },
    });
    const waiting: ContainerStatus = {
        name: "build",
        image: "",
        imageID: "",
        ready: false,
        restartCount: 0,
        state: { waiting: { reason: "PodInitializing" } },
    };
    const metadata = { name: "app", uid: "1", creationTimestamp: "", annotations: { "nta/commit": id } };
    const job = (type?: string, reason?: string): Job => ({
        metadata,
        spec: {},
        status: { conditions: type === undefined ? [] : [{ type, status: "True", reason }] },
    });
    const pod = (initContainerStatuses: ContainerStatus[], containerStatuses: ContainerStatus[]): Pod => ({
        metadata,
        spec: { containers: [] },
        status: { phase: "", initContainerStatuses, containerStatuses },
    });

    it("tells the steps with their seconds, and the image", () => {
        const passed = pod(
            [ended("checkout", 0), ended("tests", 0)],
            [ended("build", 0, "localhost:5000/app@sha256:4")],
        );
        assert.equal(failedStep(passed), undefined);
        assert.deepEqual(ciBuildReport(job("Complete"), passed, "", now), [
            `app, commit ${id}: passed`,
            "STEP      OUTCOME  SECONDS",
            "checkout  passed   7",
            "tests     passed   7",
            "build     passed   7",
            "Image: localhost:5000/app@sha256:4",
        ]);
    });

    it("tells the step that failed, with its last lines", () => {
        const failed = pod([ended("checkout", 0), ended("tests", 3)], [waiting]);
        assert.equal(failedStep(failed), "tests");
        assert.deepEqual(ciBuildReport(job("Failed", "BackoffLimitExceeded"), failed, "1 failed", now), [
            `app, commit ${id}: failed (BackoffLimitExceeded)`,
            "STEP      OUTCOME                  SECONDS",
            "checkout  passed                   7",
            "tests     failed with exit code 3  7",
            "build     not begun",
            "Last lines of tests:",
            "1 failed",
        ]);
    });

    it("tells how far it is, and what it waits for", () => {
        const running: ContainerStatus = {
            ...waiting,
            name: "tests",
            state: { running: { startedAt: "2026-01-01T00:00:50Z" } },
        };
        assert.deepEqual(ciBuildReport(job(), pod([ended("checkout", 0), running], [waiting]), "", now).slice(2), [
            "checkout  passed   7",
            "tests     running  10",
            "build     waiting",
        ]);
        const pulling: ContainerStatus = {
            ...waiting,
            name: "tests",
            state: { waiting: { reason: "ImagePullBackOff" } },
        };
        assert.match(ciBuildReport(job(), pod([pulling], []), "", now)[2], /^tests +waiting: ImagePullBackOff/);
        assert.deepEqual(ciBuildReport(job(), undefined, "", now), [`app, commit ${id}: not ended yet`]);
    });
});
