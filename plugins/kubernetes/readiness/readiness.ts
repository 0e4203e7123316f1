/** How it is found out whether an object is ready: over the object and the lists that belong to it. */
import type { GroupVersionKind } from "../kinds";
import type { KubernetesObject } from "../object";

/** A list of objects that an object's readiness depends on. */
export interface RelatedList {
    /** Its key in {@link Observation.related}. */
    key: string;
    type: GroupVersionKind;
    /** "" for kinds without a namespace. */
    namespace: string;
    labelSelector?: string;
    fieldSelector?: string;
}

/** What is known about an object at one moment. */
export interface Observation {
    live: KubernetesObject;
    /** The object before this update; undefined when it was created. */
    before?: KubernetesObject;
    related: Record<string, KubernetesObject[]>;
    /** Milliseconds since that list was first read or last changed. */
    settled(key: string): number;
    /** Milliseconds since the wait began. */
    waited: number;
}

/** What follows from an {@link Observation}. */
export interface Verdict {
    ready: boolean;
    /** Waiting is in vain, and why. */
    failure?: string;
    /** What is waited for, for the progress display. */
    status: string;
    /** What stands in the way, for the progress display and for the error when time is up. */
    problems?: string[];
    /** Look again after so many milliseconds, even if nothing changes. */
    recheckAfter?: number;
}

/** How a kind's readiness is found out. */
export interface Readiness {
    related?(live: KubernetesObject): RelatedList[];
    evaluate(observation: Observation): Verdict;
    /** Seconds to wait by default; 600 if not given. */
    timeout?: number;
    /** A refresh looks at readiness, too. */
    onRead?: boolean;
}
