/** What stands beside the disk in a Vagrant box: pure functions, one text each. */
import type { BoxProvider } from "./boxes";

/** Size of the node's disk in a box, GiB: a libvirt machine gets its own size over it. */
export const diskGiB = 4;
/**
 * Size that a VirtualBox machine sees, GiB: the box's format can't be enlarged later. The file takes what is written to
 * the disk.
 */
export const virtualboxDiskGiB = 64;

export const imageName: Record<BoxProvider, string> = { libvirt: "box.img", virtualbox: "box-disk001.vmdk" };

/** metadata.json, by which Vagrant knows whom a box is for. */
export function boxMetadata(provider: BoxProvider): string {
    const content =
        provider === "libvirt"
            ? { provider, format: "qcow2", virtual_size: diskGiB }
            : { provider, architecture: "amd64" };
    return `${JSON.stringify(content)}\n`;
}

/** The box's own Vagrantfile: what holds for every machine made of it, below the cluster's. */
export function boxVagrantfile(): string {
    return [
        'Vagrant.configure("2") do |config|',
        "  config.vm.guest = :debian",
        '  config.vm.synced_folder ".", "/vagrant", disabled: true',
        "end",
        "",
    ].join("\n");
}

/** One line of the virtual hardware, as CIM's resource types name it. */
interface HardwareItem {
    name: string;
    type: number;
    /** Everything else, in any order. */
    fields?: Record<string, string | number | boolean>;
}

/** The elements of an Item in the order that the schema asks for: by their names. */
function hardwareItem(id: number, { name, type, fields = {} }: HardwareItem): string[] {
    const all: Record<string, string | number | boolean> = {
        ...fields,
        ElementName: name,
        InstanceID: id,
        ResourceType: type,
    };
    const lines = Object.keys(all)
        .sort()
        .map((key) => `        <rasd:${key}>${all[key]}</rasd:${key}>`);
    return ["      <Item>", ...lines, "      </Item>"];
}

/**
 * box.ovf: the virtual machine that VirtualBox makes of the box. The disk is at an IDE controller and the network card is
 * changed to virtio by the Vagrantfile: these are the devices that the kernel has drivers for.
 *
 * @param diskBytes size of the vmdk file
 */
export function boxOvf(diskBytes: number): string {
    const items: HardwareItem[] = [
        {
            name: "2 virtual CPUs",
            type: 3,
            fields: { AllocationUnits: "hertz * 10^6", Description: "Number of virtual CPUs", VirtualQuantity: 2 },
        },
        {
            name: "4096 MB of memory",
            type: 4,
            fields: { AllocationUnits: "byte * 2^20", Description: "Memory size", VirtualQuantity: 4096 },
        },
        { name: "IDE controller", type: 5, fields: { Address: 0, ResourceSubType: "PIIX4" } },
        {
            name: "Disk",
            type: 17,
            fields: { AddressOnParent: 0, HostResource: "ovf:/disk/vmdisk1", Parent: 3 },
        },
        {
            name: "Network card",
            type: 10,
            fields: { AutomaticAllocation: true, Connection: "NAT", ResourceSubType: "E1000" },
        },
    ];
    return `<?xml version="1.0" encoding="UTF-8"?>
<Envelope ovf:version="1.0" xml:lang="en-US"
    xmlns="http://schemas.dmtf.org/ovf/envelope/1"
    xmlns:ovf="http://schemas.dmtf.org/ovf/envelope/1"
    xmlns:rasd="http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_ResourceAllocationSettingData"
    xmlns:vssd="http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_VirtualSystemSettingData"
    xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
  <References>
    <File ovf:id="file1" ovf:href="${imageName.virtualbox}" ovf:size="${diskBytes}"/>
  </References>
  <DiskSection>
    <Info>The node's disk</Info>
    <Disk ovf:diskId="vmdisk1" ovf:fileRef="file1" ovf:capacity="${virtualboxDiskGiB * 2 ** 30}"
        ovf:format="http://www.vmware.com/interfaces/specifications/vmdk.html#streamOptimized"/>
  </DiskSection>
  <NetworkSection>
    <Info>The networks</Info>
    <Network ovf:name="NAT">
      <Description>Reaches out through this machine</Description>
    </Network>
  </NetworkSection>
  <VirtualSystem ovf:id="nta-node">
    <Info>A node of a Kubernetes cluster</Info>
    <OperatingSystemSection ovf:id="96">
      <Info>Debian, 64 bit</Info>
      <Description>Debian_64</Description>
    </OperatingSystemSection>
    <VirtualHardwareSection>
      <Info>Its devices; sizes are set by Vagrant</Info>
      <System>
        <vssd:ElementName>Virtual hardware</vssd:ElementName>
        <vssd:InstanceID>0</vssd:InstanceID>
        <vssd:VirtualSystemIdentifier>nta-node</vssd:VirtualSystemIdentifier>
        <vssd:VirtualSystemType>virtualbox-2.2</vssd:VirtualSystemType>
      </System>
${items.flatMap((item, index) => hardwareItem(index + 1, item)).join("\n")}
    </VirtualHardwareSection>
  </VirtualSystem>
</Envelope>
`;
}
