/**
 * Works around nodejs/node#64011 in the programs that the language host runs.
 *
 * The SDK's runner shows an exception by `util.inspect(error, { colors: true })`, and its source maps put "lines" like
 * `…/node_modules/@pulumi/resource.ts` into every stack. Node.js releases with that bug colour such a line until memory
 * ends, a minute later, so that each failing program seems to hang. The guard leaves colours out of those stacks.
 */
const GUARD = `
import util from "node:util";
const endless = /[\\\\/]node_modules[\\\\/](?:@[^\\\\/]*[\\\\/])?[^\\\\/]*$/m;
util.inspect = new Proxy(util.inspect, {
    apply(inspect, self, [value, options, ...rest]) {
        if (value instanceof Error && options?.colors === true) {
            const plain = Reflect.apply(inspect, self, [value, { ...options, colors: false }, ...rest]);
            if (endless.test(plain)) {
                return plain;
            }
        }
        return Reflect.apply(inspect, self, [value, options, ...rest]);
    },
});
`;

/** Arguments for node that put the guard in place before anything else runs. */
export const INSPECT_GUARD = ["--import", `data:text/javascript,${encodeURIComponent(GUARD)}`];
