import * as assert from "node:assert/strict";

import { parseSettings } from "../../components/settings";
import type { CommitLookup } from "../../components/workloads/ci-build/git";
import { commit } from "./ci-build-spec";
import { settingsErrorOf } from "./settings-error";

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
    const refused = (...args: Parameters<typeof parse>) =>
        settingsErrorOf(() => parse(...args)).problems.map(({ key, value, wrong, right: rightValue }) => ({
            at: `${key} = ${value} ${wrong}`,
            right: rightValue,
        }));
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
