"use strict";

/* global require, module, process, setTimeout */

// Plain JavaScript, because bootstrap.mjs needs it before any package is installed. Types: lock.d.cts.

/* eslint-disable @typescript-eslint/no-require-imports -- a CommonJS file */
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");

/**
 * When the process started, in the kernel's clock ticks; undefined where /proc is missing or the process is gone. One that
 * was killed and whose parent has not noticed yet (state Z or X) is gone as well.
 */
function startTime(pid) {
    try {
        const stat = fs.readFileSync(`/proc/${pid}/stat`, "utf8");
        const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
        return /[ZX]/.test(fields[0]) ? undefined : fields[19];
    } catch {
        return undefined;
    }
}

function isAlive(holder) {
    if (holder.hostname !== os.hostname()) {
        return true;
    }
    try {
        process.kill(holder.pid, 0);
    } catch (error) {
        if (error.code !== "EPERM") {
            return false;
        }
    }
    // A process id is used again after a while, and after a restart of the machine: its start time is not.
    return holder.start === undefined || startTime(holder.pid) === holder.start;
}

function readHolder(file) {
    try {
        return JSON.parse(fs.readFileSync(file, "utf8"));
    } catch {
        return undefined;
    }
}

/** Makes `file` with the caller's particulars, complete from its first moment. False when it exists already. */
function claim(file, purpose) {
    const holder = {
        pid: process.pid,
        start: startTime(process.pid),
        hostname: os.hostname(),
        purpose,
        since: new Date().toISOString(),
    };
    const own = `${file}.${process.pid}.${Math.random().toString(36).slice(2)}`;
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(own, JSON.stringify(holder) + "\n", { mode: 0o644 });
    try {
        fs.linkSync(own, file);
        return true;
    } catch (error) {
        if (error.code === "EEXIST") {
            return false;
        }
        throw error;
    } finally {
        fs.unlinkSync(own);
    }
}

/** Removes a lock whose process is gone. Only one process at a time may do so, or it could remove a successor's. */
function removeStale(file) {
    const guard = `${file}.stale`;
    if (!claim(guard, "removing a stale lock")) {
        const other = readHolder(guard);
        if (other === undefined || !isAlive(other)) {
            fs.rmSync(guard, { force: true });
        }
        return;
    }
    try {
        const holder = readHolder(file);
        if (holder !== undefined && !isAlive(holder)) {
            fs.rmSync(file, { force: true });
        }
    } finally {
        fs.rmSync(guard, { force: true });
    }
}

function tryLock(file, purpose) {
    for (let attempt = 0; attempt < 3; attempt++) {
        if (claim(file, purpose)) {
            let held = true;
            const release = () => {
                if (held) {
                    held = false;
                    process.removeListener("exit", release);
                    fs.rmSync(file, { force: true });
                }
            };
            process.once("exit", release);
            return { release };
        }
        const holder = readHolder(file);
        if (holder !== undefined && isAlive(holder)) {
            return { holder };
        }
        removeStale(file);
    }
    return { holder: readHolder(file) ?? { pid: 0, hostname: os.hostname(), purpose: "unknown", since: "unknown" } };
}

async function waitForLock(file, purpose, onWait) {
    let told;
    for (;;) {
        const result = tryLock(file, purpose);
        if (result.release !== undefined) {
            return result.release;
        }
        if (told !== result.holder.pid) {
            told = result.holder.pid;
            onWait(result.holder);
        }
        await new Promise((resolve) => setTimeout(resolve, 250));
    }
}

/** How long the work of moments is waited for, in milliseconds: whoever takes longer has ended on another machine. */
const longestMoment = 120000;

function alone(file, purpose, work) {
    const began = Date.now();
    for (;;) {
        const { release, holder } = tryLock(file, purpose);
        if (release !== undefined) {
            try {
                return work();
            } finally {
                release();
            }
        }
        if (Date.now() - began > longestMoment) {
            throw new Error(
                `${file} is held by process ${holder.pid} on ${holder.hostname} (${holder.purpose}) since ${holder.since}: ` +
                    "if that is over, remove the file",
            );
        }
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
    }
}

module.exports = { tryLock, waitForLock, alone };
