import type { DiffRequest, DiffResult, OperationContext } from "../protocol/provider";
import { isUnreadyJob, replaceUnreadyPath } from "./annotations";
import type { Connection } from "./connection";
import { compareInputs, isIgnored, replaces } from "./diff";
import { kindOf } from "./kinds";
import { withoutServerFields } from "./live-inputs";
import { isAutonamed, isNamed } from "./naming";
import { isObject, nameOf, namespaceOf, parseId, toKubernetes } from "./object";
import { parseResource } from "./object-check";
import { oldInputsOf } from "./object-state";
import { replacementPaths } from "./replacement-rules";

/** What of an object changes, and whether that replaces it. */
export async function diffObject(
    connection: Connection,
    context: OperationContext,
    request: DiffRequest,
): Promise<DiffResult> {
    const type = parseResource(context);
    const olds = withoutServerFields(toKubernetes(oldInputsOf(request)));
    const news = withoutServerFields(toKubernetes(request.newInputs));
    const namespaced = await connection.isNamespaced(kindOf(news));
    for (const inputs of [olds, news]) {
        if (isObject(inputs.metadata)) {
            // The namespace that none stands for, so that writing it down changes nothing.
            inputs.metadata.namespace = namespaced
                ? inputs.metadata.namespace ||
                  parseId(request.id).namespace ||
                  connection.client?.namespace ||
                  "default"
                : undefined;
        }
    }
    const paths = type.patch
        ? [
              ["metadata", "name"],
              ["metadata", "namespace"],
          ]
        : replacementPaths(kindOf(news), {
              configMapMutable: connection.settings.configMapMutable,
              secretMutable: connection.settings.secretMutable,
              immutable: olds.immutable === true,
          });
    const differences = compareInputs({ olds, news, replacementPaths: paths }).filter(
        ({ path }) => !request.ignoreChanges.some((ignored) => isIgnored(path, ignored)),
    );
    const detailed: NonNullable<DiffResult["detailed"]> = {};
    for (const { path, kind } of differences) {
        detailed[path] = { kind, inputDiff: true };
    }
    const unready = isUnreadyJob(toKubernetes(request.oldState), news);
    if (unready) {
        detailed[replaceUnreadyPath] = { kind: "update-replace", inputDiff: true };
    }
    const sameObject = nameOf(news) === parseId(request.id).name && namespaceOf(news) === parseId(request.id).namespace;
    const replaced = Object.keys(detailed).filter((path) => detailed[path]?.kind.endsWith("-replace"));
    return {
        changes: Object.keys(detailed).length > 0,
        replaces: replaced,
        deleteBeforeReplace: (unready || replaces(differences)) && isNamed(news) && !isAutonamed(news) && sameObject,
        detailed,
    };
}
