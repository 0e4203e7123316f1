import assert from "node:assert/strict";

import { CommandProgress } from "../../plugins/docker/command-progress";

describe("what is shown of a build's output", () => {
    let time: number;
    let shown: [number, string][];
    let progress: CommandProgress;

    beforeEach(() => {
        time = 0;
        shown = [];
        progress = new CommandProgress(
            "building x",
            (text) => shown.push([time, text]),
            () => time,
        );
    });

    it("is each step at once, of either builder, and of the other lines one every two seconds", () => {
        const output: [number, string][] = [
            [100, "Step 1/2 : FROM debian"],
            [200, " ---> f13b192bf5b0"],
            [300, "Step 2/2 : RUN apt-get update"],
            [400, "Get:1 http://deb.debian.org/debian bookworm InRelease"],
            [2_299, "Get:2 http://deb.debian.org/debian bookworm/main"],
            [2_300, "Fetched 9 MB in 2s"],
            [2_400, ""],
            [2_500, "#7 [2/3] RUN true"],
        ];
        for (const [at, text] of output) {
            time = at;
            progress.line(text);
        }
        assert.deepEqual(shown, [
            [0, "building x"],
            [100, "Step 1/2 : FROM debian"],
            [300, "Step 2/2 : RUN apt-get update"],
            [2_300, "Fetched 9 MB in 2s"],
            [2_500, "#7 [2/3] RUN true"],
        ]);
    });

    it("is never silent: the last line comes with the time so far, also one that was not shown", () => {
        for (time = 1_000; time <= 4_000; time += 1_000) {
            progress.tick();
        }
        time = 1_500;
        progress.line("compiling nupic");
        for (time = 5_000; time <= 11_000; time += 1_000) {
            progress.tick();
        }
        assert.deepEqual(shown, [
            [0, "building x"],
            [5_000, "building x (5 s): compiling nupic"],
            [10_000, "building x (10 s): compiling nupic"],
        ]);
    });

    it("says how long a command runs that has printed nothing", () => {
        time = 6_000;
        progress.tick();
        assert.deepEqual(shown.at(-1), [6_000, "building x (6 s)"]);
    });
});
