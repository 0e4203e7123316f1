/** The provider's configuration: what `new kubernetes.Provider(...)` and `kubernetes:*` settings can say. */
import { activeContext, ambientKubeconfig, ContextOverrides, Kubeconfig, parseKubeconfig } from "./kubeconfig";
import { ApiClient } from "./client";
import { asString, isObject, Json, JsonObject } from "./object";

/** The configuration, read and with its defaults. */
export interface Settings {
    /** Contents or path; "" for the environment's. */
    kubeconfig: string;
    overrides: ContextOverrides;
    deleteUnreachable: boolean;
    skipUpdateUnreachable: boolean;
    enablePatchForce: boolean;
    upsertExistingObjects: boolean;
    configMapMutable: boolean;
    secretMutable: boolean;
}

// Switches and the environment variables that stand in for them.
const switches = {
    deleteUnreachable: "PULUMI_K8S_DELETE_UNREACHABLE",
    skipUpdateUnreachable: "PULUMI_K8S_SKIP_UPDATE_UNREACHABLE",
    enableServerSideApply: "PULUMI_K8S_ENABLE_SERVER_SIDE_APPLY",
    enablePatchForce: "PULUMI_K8S_ENABLE_PATCH_FORCE",
    upsertExistingObjects: "PULUMI_K8S_UPSERT_EXISTING_OBJECTS",
    enableConfigMapMutable: "PULUMI_K8S_ENABLE_CONFIGMAP_MUTABLE",
    enableSecretMutable: "PULUMI_K8S_ENABLE_SECRET_MUTABLE",
} as const;

/**
 * Reads the provider's configuration. A value in it wins over the environment variable.
 *
 * @throws Error for settings that only Pulumi's own plugin has.
 */
export function readSettings(config: JsonObject, env: NodeJS.ProcessEnv = process.env): Settings {
    const on = (key: keyof typeof switches, otherwise = false): boolean => {
        const value = config[key];
        if (value !== undefined && value !== null) {
            return String(value) === "true";
        }
        const variable = env[switches[key]];
        return variable === undefined ? otherwise : variable === "true";
    };
    if (!on("enableServerSideApply", true)) {
        throw new Error("`enableServerSideApply: false` is supported by Pulumi's own kubernetes plugin only");
    }
    if (asString(config.renderYamlToDirectory) !== "") {
        throw new Error("`renderYamlToDirectory` is supported by Pulumi's own kubernetes plugin only");
    }
    return {
        kubeconfig: kubeconfigText(config.kubeconfig),
        overrides: overridesOf(config),
        deleteUnreachable: on("deleteUnreachable"),
        skipUpdateUnreachable: on("skipUpdateUnreachable"),
        enablePatchForce: on("enablePatchForce"),
        upsertExistingObjects: on("upsertExistingObjects"),
        configMapMutable: on("enableConfigMapMutable"),
        secretMutable: on("enableSecretMutable"),
    };
}

/** A kubeconfig given as text or, as some programs do, as an object. */
export function kubeconfigText(value: Json | undefined): string {
    return isObject(value) ? JSON.stringify(value) : asString(value);
}

/** Settings that choose among the kubeconfig's entries. */
export function overridesOf(config: JsonObject): ContextOverrides {
    return {
        context: asString(config.context) || undefined,
        cluster: asString(config.cluster) || undefined,
        namespace: asString(config.namespace) || undefined,
    };
}

/** @throws Error when the settings name no usable kubeconfig. */
export function connect(settings: Settings): ApiClient {
    const config: Kubeconfig = settings.kubeconfig === "" ? ambientKubeconfig() : parseKubeconfig(settings.kubeconfig);
    return new ApiClient(activeContext(config, settings.overrides));
}
