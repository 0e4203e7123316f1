import * as assert from "node:assert/strict";
import * as util from "node:util";

import { SettingsError } from "../../components/settings";

/** The error by which a configuration is refused; one that is taken fails the test. */
export function settingsErrorOf(parse: () => unknown): SettingsError {
    let taken: unknown;
    try {
        taken = parse();
    } catch (error) {
        assert.ok(error instanceof SettingsError, `not a SettingsError: ${util.inspect(error)}`);
        return error;
    }
    return assert.fail(`no problem was found: ${util.inspect(taken)}`);
}
