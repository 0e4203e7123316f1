/**
 * Loaded before Pulumi's SDK: how packages come into the process that runs a program. Out of one file where they are
 * packed, which the process's first argument names, and some of them not before they are used.
 */
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import Module, { createRequire } from "node:module";
import { Script } from "node:vm";

import { lazyPackages } from "./lazy-packages";

type Load = (request: string, parent: unknown, isMain: boolean) => object;
const loader = Module as unknown as { _load: Load };
const load = loader._load;

type Packed = Record<string, () => object>;

/** Runs a file of packed packages, with V8's compiled code from the run before. */
function unpack(file: string): Packed {
    const compiled = `${file}.v8`;
    const cachedData = existsSync(compiled) ? readFileSync(compiled) : undefined;
    const script = new Script(`(function (require, module) {${readFileSync(file, "utf8")}\n})`, {
        filename: file,
        cachedData,
    });
    const packed = { exports: {} as Packed };
    // What the file does not hold comes from where this program was put.
    (script.runInThisContext() as (...args: unknown[]) => void)(createRequire(process.argv[1]), packed);
    if (cachedData === undefined || script.cachedDataRejected === true) {
        process.once("exit", () => {
            // At the end, when the functions that a program calls are compiled too. Whole or not at all.
            const partial = `${compiled}.${process.pid}.partial`;
            writeFileSync(partial, script.createCachedData());
            renameSync(partial, compiled);
        });
    }
    return packed.exports;
}

function lazily(request: string, parent: unknown, isMain: boolean): object {
    let loaded: object | undefined;
    return new Proxy(
        {},
        {
            get(_target, property) {
                // Asked when the package is imported: it must not be the reason to load it.
                if (property === "__esModule") {
                    return true;
                }
                loaded ??= load.call(loader, request, parent, isMain);
                return Reflect.get(loaded, property) as unknown;
            },
        },
    );
}

const [, , packedFile] = process.argv;
const lazy = new Set(lazyPackages);
let packed: Packed = {};

loader._load = function (request, parent, isMain) {
    if (lazy.has(request)) {
        return lazily(request, parent, isMain);
    }
    return Object.hasOwn(packed, request) ? packed[request]() : load.call(this, request, parent, isMain);
};

if (packedFile !== undefined) {
    packed = unpack(packedFile);
}
