import * as assert from "node:assert/strict";

import { type AddressRange, overlaps, parseRange, parseRoutes, sizeOf } from "../../machine/address-range";

function range(text: string): AddressRange {
    return parseRange(text) ?? assert.fail(`${text} is no range`);
}

describe("address ranges", () => {
    it("begin with their first address", () => {
        assert.deepEqual(range("10.244.0.0/16"), { first: 0x0af40000, prefix: 16 });
        assert.deepEqual(range("0.0.0.0/0"), { first: 0, prefix: 0 });
        assert.equal(sizeOf(range("192.168.56.0/24")), 256);
        for (const wrong of ["10.244.0.1/16", "10.244.0.0", "10.244.0.0/33", "256.0.0.0/8", "::/0", ""]) {
            assert.equal(parseRange(wrong), undefined, wrong);
        }
    });

    it("overlap when one address is in both", () => {
        for (const [one, other, expected] of [
            ["10.0.0.0/8", "10.244.0.0/16", true],
            ["10.244.0.0/16", "10.244.255.0/24", true],
            ["10.244.0.0/16", "10.245.0.0/16", false],
            ["200.0.0.0/8", "10.0.0.0/8", false],
        ] as const) {
            assert.equal(overlaps(range(one), range(other)), expected);
            assert.equal(overlaps(range(other), range(one)), expected);
        }
    });

    it("are read from the kernel's table of routes, without the default route", () => {
        const table = [
            "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT",
            "eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0",
            "docker0\t000011AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0",
            "eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0",
        ].join("\n");
        assert.deepEqual(parseRoutes(table), [
            { device: "docker0", text: "172.17.0.0/16" },
            { device: "eth0", text: "192.0.2.0/24" },
        ]);
    });
});
