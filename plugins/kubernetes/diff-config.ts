import { hasUnknown, JsonObject, equal } from "./object";
import { clusterChanged, Kubeconfig, parseKubeconfig } from "./kubeconfig";
import { kubeconfigText, overridesOf } from "./settings";
import { Unknown } from "../protocol/properties";

/** What changed in a provider's configuration, and what of it replaces the provider and all that it made. */
export interface ConfigDifference {
    changed: string[];
    replaces: string[];
}

/**
 * Compares two configurations of the provider.
 *
 * Another cluster replaces the provider: another active cluster entry in the kubeconfig, or a kubeconfig, context or
 * cluster that is not known yet. `clusterIdentifier` overrules that: while it is set and stays the same nothing is
 * replaced, and when it changes the provider is. Adding or removing it replaces nothing by itself.
 */
export function diffConfig(olds: JsonObject, news: JsonObject): ConfigDifference {
    const keys = [...new Set([...Object.keys(olds), ...Object.keys(news)])];
    const changed = keys.filter((key) => !equal(olds[key], news[key]));
    if (changed.length === 0) {
        return { changed, replaces: [] };
    }
    const isSet = (config: JsonObject): boolean => (config.clusterIdentifier ?? "") !== "";
    const identifierChanged = changed.includes("clusterIdentifier");
    if (!identifierChanged && isSet(news)) {
        return { changed, replaces: [] };
    }
    const replaces = identifierChanged && isSet(olds) && isSet(news) ? ["clusterIdentifier"] : [];
    const unknown = ["kubeconfig", "context", "cluster"].find((key) => hasUnknown(news[key]));
    if (unknown !== undefined) {
        return { changed, replaces: [...replaces, unknown] };
    }
    if (
        clusterChanged(
            { config: kubeconfigOf(olds), overrides: overridesOf(olds) },
            { config: kubeconfigOf(news), overrides: overridesOf(news) },
        )
    ) {
        replaces.push(...["kubeconfig", "context", "cluster"].filter((key) => changed.includes(key)));
    }
    return { changed, replaces };
}

// One that can't be read says nothing about a cluster; what needs the cluster then fails with the reason.
function kubeconfigOf(config: JsonObject): Kubeconfig {
    const none = { currentContext: "", clusters: new Map(), users: new Map(), contexts: new Map() };
    const text = config.kubeconfig instanceof Unknown ? "" : kubeconfigText(config.kubeconfig);
    try {
        return text === "" ? none : parseKubeconfig(text);
    } catch {
        return none;
    }
}
