import * as assert from "node:assert/strict";

import { ciBuildReport, failedStep } from "../../operations/ci-build/report";
import type { ContainerStatus, Job, Pod } from "../../operations/objects";
import { commit } from "./ci-build-spec";

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
    const metadata = { name: "app", uid: "1", creationTimestamp: "", annotations: { "nta/commit": commit.id } };
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
            `app, commit ${commit.id}: passed`,
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
            `app, commit ${commit.id}: failed (BackoffLimitExceeded)`,
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
        assert.deepEqual(ciBuildReport(job(), undefined, "", now), [`app, commit ${commit.id}: not ended yet`]);
    });
});
