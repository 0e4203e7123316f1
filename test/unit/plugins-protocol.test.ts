/** The plugins' values, differences, errors, path patterns and child processes. */
import * as assert from "node:assert/strict";

import { ErrorResourceInitFailed } from "@pulumi/pulumi/proto/provider_pb";
import { Status } from "@pulumi/pulumi/proto/status_pb";
import { Struct } from "google-protobuf/google/protobuf/struct_pb";

import { globExpression } from "../../plugins/command/globs";
import { checkRules, randomInteger, randomString, uuid7 } from "../../plugins/random/generators";
import {
    Archive,
    Asset,
    OperationCancelledError,
    ResourceInitError,
    ResourceReference,
    Secret,
    UNKNOWN,
    containsSecret,
    containsUnknown,
    decodeProperties,
    differences,
    encodeProperties,
    lastPart,
    plain,
    runProcess,
    sameValue,
    structuralDiff,
    toStatus,
    withoutSecrets,
} from "../../plugins/protocol";
import type { PropertyMap } from "../../plugins/protocol";

describe("property values", () => {
    const values: PropertyMap = {
        text: "ä",
        number: 1.5,
        flag: false,
        nothing: null,
        list: [1, [new Secret("s")], { deep: UNKNOWN }],
        secret: new Secret({ inner: [new Secret("x")] }),
        asset: new Asset({ text: "t", path: undefined, uri: undefined, hash: "h" }),
        archive: new Archive({
            assets: { "a/b": new Asset({ path: "p", text: undefined, uri: undefined, hash: undefined }) },
            path: undefined,
            uri: undefined,
            hash: undefined,
        }),
        reference: new ResourceReference("urn:a", "id", "1.0.0"),
    };

    it("survive the wire", () => {
        const wire = Struct.deserializeBinary(encodeProperties({ ...values, absent: undefined }).serializeBinary());
        assert.deepEqual(decodeProperties(wire), values);
    });

    it("read output values and every kind of unknown", () => {
        const signature = "4dabf18193072939515e22adb298388d";
        const output = "d0e6a833031e9bbcd3f4e8bde6ca49a4";
        const wire = Struct.fromJavaScript({
            known: { [signature]: output, value: 1 },
            secret: { [signature]: output, value: "s", secret: true },
            unknown: { [signature]: output },
            number: "3eeb2bf0-c639-47a8-9e75-3b44932eb421",
        });
        assert.deepEqual(decodeProperties(wire), {
            known: 1,
            secret: new Secret("s"),
            unknown: UNKNOWN,
            number: UNKNOWN,
        });
        assert.throws(() => decodeProperties(Struct.fromJavaScript({ a: { [signature]: "other" } })), /signature/);
    });

    it("are searched, stripped and compared through secrets", () => {
        assert.ok(containsUnknown(values) && containsSecret(values));
        assert.ok(!containsSecret(withoutSecrets(values)));
        assert.throws(() => plain(values), /not known yet/);
        assert.deepEqual(plain({ a: new Secret([new Secret(1)]), b: new ResourceReference("u", "id") }), {
            a: [1],
            b: "id",
        });
        assert.ok(sameValue({ a: new Secret("x"), b: undefined }, { a: "x" }));
        assert.ok(!sameValue(UNKNOWN, UNKNOWN));
        assert.ok(!sameValue([1], { 0: 1 }));
        assert.equal(`${String(new Secret("x"))}${JSON.stringify(new Secret("x"))}`, '[secret]"[secret]"');
    });

    it("differ by path", () => {
        const found = differences(
            { a: 1, list: [1, 2], map: { "x.y/z": 1, same: true }, gone: null, secret: new Secret("s") },
            { a: 2, list: [1, 3, 4], map: { "x.y/z": 2, same: true, more: 1 }, secret: "s", maybe: UNKNOWN },
        );
        assert.deepEqual(
            found.map(({ path, kind }) => `${kind} ${path}`),
            [
                "update a",
                "update list[1]",
                "add list[2]",
                'update map["x.y/z"]',
                "add map.more",
                "delete gone",
                "add maybe",
            ],
        );
        const diff = structuralDiff({ a: 1, b: 1 }, { a: 2, b: { c: 2 } }, { replaceOn: ["a"] });
        assert.deepEqual(diff.replaces, ["a"]);
        assert.deepEqual(diff.detailed, {
            a: { kind: "update-replace", inputDiff: true },
            b: { kind: "update", inputDiff: true },
        });
        assert.equal(structuralDiff({ a: 1 }, { a: 1 }).changes, false);
    });

    it("reach the engine with an object that is not ready", () => {
        const status = toStatus(new ResourceInitError("the-id", { a: 1 }, ["one", "two"], { b: 2 }));
        assert.equal(status.details, "one\ntwo");
        const bytes = status.metadata?.get("grpc-status-details-bin")[0] as Buffer;
        const detail = ErrorResourceInitFailed.deserializeBinary(
            Status.deserializeBinary(bytes).getDetailsList()[0]?.getValue_asU8() ?? new Uint8Array(),
        );
        assert.equal(detail.getId(), "the-id");
        assert.deepEqual(detail.getProperties()?.toJavaScript(), { a: 1 });
        assert.deepEqual(detail.getReasonsList(), ["one", "two"]);
        assert.deepEqual(detail.getInputs()?.toJavaScript(), { b: 2 });
    });
});

describe("child processes", () => {
    it("give their output by lines, whole characters and streams", async () => {
        const lines: string[] = [];
        const result = await runProcess("sh", {
            args: ["-c", "printf 'a\\303'; sleep 0.05; printf '\\244\\nlast'; echo err >&2; exit 3"],
            onLine: (line, stream) => lines.push(`${stream}:${line}`),
        });
        assert.equal(result.exitCode, 3);
        assert.equal(result.stdout, "aä\nlast");
        assert.deepEqual(lines.sort(), ["stderr:err", "stdout:aä", "stdout:last"]);
    });

    it("end with all they started, gently and then not", async () => {
        const controller = new AbortController();
        const started = Date.now();
        const running = runProcess("sh", {
            args: ["-c", "trap '' TERM; sleep 60 & wait; sleep 60"],
            signal: controller.signal,
            killAfter: 200,
        });
        setTimeout(() => controller.abort(new OperationCancelledError("enough")), 100);
        await assert.rejects(running, /enough/);
        assert.ok(Date.now() - started < 5000);
        await assert.rejects(runProcess("sh", { args: ["-c", "true"], signal: controller.signal }), /enough/);
    });

    it("say when they can't start, and survive input that nobody reads", async () => {
        await assert.rejects(runProcess("/nonexistent/program", { args: [] }), /ENOENT/);
        const result = await runProcess("true", { args: [], stdin: "x".repeat(1024 * 1024) });
        assert.equal(result.exitCode, 0);
    });

    it("have their long outputs cut at a line", () => {
        assert.equal(lastPart("abc", 3), "abc");
        assert.equal(lastPart("first\nsecond\nthird", 9), "[the first 13 characters are left out]\nthird");
    });
});

describe("path patterns of commands", () => {
    const cases: [string, string[], string[]][] = [
        ["*.txt", ["a.txt"], ["sub/a.txt", "a.txt.gz"]],
        ["**.txt", ["a.txt", "sub/a.txt"], ["a.md"]],
        ["{a,b}/?.js", ["a/x.js", "b/y.js"], ["c/x.js", "a/xy.js"]],
        ["[!a]b", ["cb"], ["ab"]],
        ["\\*", ["*"], ["a"]],
    ];
    for (const [pattern, matching, others] of cases) {
        it(pattern, () => {
            assert.deepEqual(
                [...matching, ...others].filter((path) => globExpression(pattern).test(path)),
                matching,
            );
        });
    }
    it("are refused when unfinished", () => {
        assert.throws(() => globExpression("[a"), /without its "\]"/);
        assert.throws(() => globExpression("{a"), /without its "}"/);
    });
});

describe("random values", () => {
    const rules = {
        length: 30,
        lower: true,
        upper: true,
        numeric: true,
        special: true,
        minLower: 0,
        minUpper: 0,
        minNumeric: 0,
        minSpecial: 0,
        overrideSpecial: "",
    };

    it("keep their rules and use every character", () => {
        const seen = new Set<string>();
        for (let index = 0; index < 500; index++) {
            const text = randomString({ ...rules, minNumeric: 10, minSpecial: 5 });
            assert.equal(text.length, 30);
            assert.ok((text.match(/\d/g) ?? []).length >= 10);
            [...text].forEach((character) => seen.add(character));
        }
        assert.equal(seen.size, 26 + 26 + 10 + 21);
        assert.match(
            randomString({ ...rules, lower: false, upper: false, numeric: false, overrideSpecial: "-" }),
            /^-{30}$/,
        );
    });

    it("are whole numbers in their range, of any size", () => {
        const found = new Set(Array.from({ length: 200 }, () => randomInteger(-1, 1)));
        assert.deepEqual(
            [...found].sort((a, b) => a - b),
            [-1, 0, 1],
        );
        const large = randomInteger(0, Number.MAX_SAFE_INTEGER);
        assert.ok(Number.isSafeInteger(large) && large >= 0);
    });

    it("are UUIDs with the time in front", () => {
        const uuid = uuid7(0x0123456789ab);
        assert.match(uuid, /^01234567-89ab-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    });

    it("refuse rules that can't be met", () => {
        assert.deepEqual(checkRules(rules), []);
        assert.deepEqual(
            checkRules({ ...rules, length: 0, minLower: -1 }).map(({ property }) => property),
            ["length", "minLower"],
        );
    });
});
