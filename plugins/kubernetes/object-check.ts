import { ProviderError } from "../protocol/errors";
import type { CheckRequest, CheckResult, OperationContext } from "../protocol/provider";
import { timeoutSecondsFailure, waitForFailure } from "./annotations";
import type { Connection } from "./connection";
import { apiVersionOf, isListType, parseType, type ResourceType } from "./kinds";
import { withoutServerFields } from "./live-inputs";
import { assignName, isNamed } from "./naming";
import { fromKubernetes, isObject, markSecrets, toKubernetes } from "./object";

/** @throws ProviderError for the kinds of lists. */
export function parseResource(context: OperationContext): ResourceType {
    const type = parseType(context.type);
    if (isListType(type)) {
        throw new ProviderError(
            `${context.type}: lists exist for YAML manifests and can't be created; declare their items instead`,
        );
    }
    return type;
}

/** Checks an object's inputs, and fills in what the program left out: kind, name and namespace. */
export async function checkObject(
    connection: Connection,
    context: OperationContext,
    request: CheckRequest,
): Promise<CheckResult> {
    const type = parseResource(context);
    if (
        connection.settings.skipUpdateUnreachable &&
        request.olds !== undefined &&
        (await connection.unreachable()) !== undefined
    ) {
        context.log.warning("the cluster is unreachable and skipUpdateUnreachable is set: left as it is");
        return { inputs: request.olds };
    }
    const inputs = withoutServerFields(toKubernetes(request.news));
    const olds = request.olds === undefined ? undefined : toKubernetes(request.olds);
    inputs.apiVersion ??= apiVersionOf(type);
    inputs.kind ??= type.kind;
    inputs.metadata ??= {};
    if (type.patch) {
        if (!isNamed(inputs)) {
            return {
                inputs: request.news,
                failures: [{ property: "metadata.name", reason: "a Patch resource needs the name of its object" }],
            };
        }
    } else {
        try {
            assignName(inputs, {
                resourceName: context.name,
                olds: olds !== undefined && Object.keys(olds).length > 0 ? olds : undefined,
                randomSeed: request.randomSeed,
                autonaming: request.autonaming,
            });
        } catch (error) {
            const reason = (error as Error).message;
            return { inputs: request.news, failures: [{ property: "metadata.name", reason }] };
        }
    }
    if (
        isObject(inputs.metadata) &&
        (inputs.metadata.namespace ?? "") === "" &&
        connection.client !== undefined &&
        (await connection.isNamespaced(type))
    ) {
        inputs.metadata.namespace = connection.client.namespace;
    }
    const failures = [timeoutSecondsFailure(inputs), waitForFailure(inputs)].filter((item) => item !== undefined);
    const checked = fromKubernetes(inputs);
    markSecrets(checked, request.news);
    return { inputs: checked, failures };
}
