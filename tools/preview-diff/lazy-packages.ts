/**
 * Loaded before Pulumi's SDK: packages of which the SDK's main module needs nothing until a program hands a function to
 * the engine. They are half of its start-up time, and almost no program comes to need them.
 */
import Module from "node:module";

const lazy = new Set(["@npmcli/arborist", "typescript"]);

type Load = (request: string, parent: unknown, isMain: boolean) => object;
const loader = Module as unknown as { _load: Load };
const load = loader._load;

loader._load = function (request, parent, isMain) {
    if (!lazy.has(request)) {
        return load.call(this, request, parent, isMain);
    }
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
};
