/** Requests and answers of the provider protocol, from and into the messages that the engine understands. */
import * as messages from "@pulumi/pulumi/proto/provider_pb";

import { decodeProperties, encodeProperties } from "./properties";
import type { CheckFailure, CheckRequest, CheckResult, DetailedChange, DiffRequest, DiffResult } from "./provider";

const AUTONAMING_MODES = {
    [messages.CheckRequest.AutonamingOptions.Mode.PROPOSE]: "propose",
    [messages.CheckRequest.AutonamingOptions.Mode.ENFORCE]: "enforce",
    [messages.CheckRequest.AutonamingOptions.Mode.DISABLE]: "disable",
} as const;

export function checkRequest(request: messages.CheckRequest): CheckRequest {
    const autonaming = request.getAutonaming();
    return {
        olds: request.hasOlds() ? decodeProperties(request.getOlds()) : undefined,
        news: decodeProperties(request.getNews()),
        randomSeed: request.getRandomseed_asU8(),
        autonaming:
            autonaming === undefined
                ? undefined
                : { proposedName: autonaming.getProposedName(), mode: AUTONAMING_MODES[autonaming.getMode()] },
    };
}

export function checkResponse(result: CheckResult): messages.CheckResponse {
    const response = new messages.CheckResponse();
    response.setInputs(encodeProperties(result.inputs));
    response.setFailuresList((result.failures ?? []).map(failureMessage));
    return response;
}

export function failureMessage(failure: CheckFailure): messages.CheckFailure {
    const message = new messages.CheckFailure();
    message.setProperty(failure.property);
    message.setReason(failure.reason);
    return message;
}

export function diffRequest(request: messages.DiffRequest): DiffRequest {
    return {
        id: request.getId(),
        oldState: decodeProperties(request.getOlds()),
        oldInputs: decodeProperties(request.getOldInputs()),
        newInputs: decodeProperties(request.getNews()),
        ignoreChanges: request.getIgnorechangesList(),
    };
}

const KINDS: Record<DetailedChange, messages.PropertyDiff.Kind> = {
    add: messages.PropertyDiff.Kind.ADD,
    "add-replace": messages.PropertyDiff.Kind.ADD_REPLACE,
    delete: messages.PropertyDiff.Kind.DELETE,
    "delete-replace": messages.PropertyDiff.Kind.DELETE_REPLACE,
    update: messages.PropertyDiff.Kind.UPDATE,
    "update-replace": messages.PropertyDiff.Kind.UPDATE_REPLACE,
};

export function diffResponse(result: DiffResult): messages.DiffResponse {
    const response = new messages.DiffResponse();
    const { DIFF_NONE, DIFF_SOME, DIFF_UNKNOWN } = messages.DiffResponse.DiffChanges;
    response.setChanges(result.changes === "unknown" ? DIFF_UNKNOWN : result.changes ? DIFF_SOME : DIFF_NONE);
    response.setReplacesList(result.replaces ?? []);
    response.setStablesList(result.stables ?? []);
    response.setDeletebeforereplace(result.deleteBeforeReplace ?? false);
    if (result.detailed !== undefined) {
        response.setHasdetaileddiff(true);
        const properties = new Set<string>();
        for (const [path, change] of Object.entries(result.detailed)) {
            const message = new messages.PropertyDiff();
            message.setKind(KINDS[change.kind]);
            message.setInputdiff(change.inputDiff ?? false);
            response.getDetaileddiffMap().set(path, message);
            properties.add(/^[^.[]+/.exec(path)?.[0] ?? path);
        }
        response.setDiffsList([...properties]);
    }
    return response;
}
