import type { MachineSettings } from './machine-settings.ts'
import type { IpAddress } from '../wire/address.ts'
import type { LinkSettings } from '../kernel/link.ts'
import type { Nanos } from '../kernel/time.ts'
import type { ChartPlan } from '../trace/measures/measure-spec.ts'

/** One network interface of a host; its index in `ResolvedHost.interfaces` is the kernel's port number. */
export interface ResolvedInterface {
  /** `'eth0'`, … */
  readonly name: string
  /** Index of the link it is plugged into. */
  readonly link: number
  /** 0 or 1: which end of that link this is; also the direction in which its frames travel. */
  readonly end: 0 | 1
  /** 48 bits as a number. */
  readonly mac: number
  /** IPv4 address as a number in [0, 2^32); 0 on a switch's ports, and where only IPv6 is spoken. */
  readonly address: number
  /** Length of the prefix, 0 to 32. */
  readonly prefix: number
  /** Global IPv6 address in [0, 2^128); absent where none is spoken. With `automatic6` the one that the host is going to have. */
  readonly address6?: bigint
  /** Length of its prefix, 0 to 128; there when `address6` is. */
  readonly prefix6?: number
  /** Whether the IPv6 address comes from router advertisements (RFC 4862). */
  readonly automatic6?: boolean
  /** Largest IP packet in bytes. */
  readonly mtu: number
  /** Hardware addresses that were entered by hand, by IPv4 address: neither asked for nor corrected; absent: none. */
  readonly staticArp?: readonly { readonly address: number; readonly mac: number }[]
}

export interface ResolvedRoute<Address extends IpAddress = number> {
  /** Lowest address of the network. */
  readonly destination: Address
  readonly prefix: number
  /** Next hop's address; 0 (0n): directly connected. */
  readonly via: Address
  /** Index of the interface. */
  readonly port: number
}

/** The line of each member of a crowd. */
export interface ResolvedAccess {
  /** Bits per second of whole Ethernet frames, each way; 0: unlimited. */
  readonly rate: number
  /** One-way delay, the least and the most; each member has one of its own between them. */
  readonly delay: readonly [Nanos, Nanos]
}

export interface ResolvedHost {
  readonly name: string
  /** For people. */
  readonly label: string
  readonly kind: 'host' | 'router' | 'switch'
  /**
   * How many there are; absent: one machine that is no crowd. A crowd has one interface, with the addresses of member 0: member i, called
   * `name[i]`, has the MAC and the IPv4 address i above them.
   */
  readonly replicas?: number
  /** The line of each member, in front of the link; absent: members are on the link themselves. */
  readonly access?: ResolvedAccess
  /** `'brief'`: details are left out of the trace unless somebody watches; absent: it has every event. */
  readonly trace?: 'brief'
  readonly interfaces: readonly ResolvedInterface[]
  readonly routes: readonly ResolvedRoute[]
  /** Routes for IPv6; absent where none is spoken. */
  readonly routes6?: readonly ResolvedRoute<bigint>[]
  /** Further addresses that are its own, and which ARP says nothing of; absent: none. */
  readonly loopback?: readonly number[]
  /** Whether it sends router advertisements (RFC 4861 section 6.2). */
  readonly advertises?: boolean
  /** Whether it makes sure that nobody has its IPv6 addresses (RFC 4862 section 5.4); absent: of the automatic ones only. */
  readonly duplicateAddressDetection?: boolean
  /** false: sources are never told by ICMP what became of their packets. */
  readonly icmpErrors?: boolean
  /** Whether a router makes SYNs that pass through announce no larger segments than fit through it. */
  readonly clampsMss?: boolean
  /** Names of the scenario that the host can resolve, as a hosts file would: the addresses of each, one of either version at most. */
  readonly names: Readonly<Record<string, readonly IpAddress[]>>
  /** Applications to start; names and options are validated by the scenario, units already resolved to numbers. */
  readonly apps: readonly { readonly app: string; readonly options: Readonly<Record<string, unknown>> }[]
  /** Switches of the TCP implementation, see `protocols/tcp`. */
  readonly tcp: Readonly<Record<string, unknown>>
  /** The machine under it; a perfect one when absent. */
  readonly machine?: MachineSettings
  /** When its power goes by itself, and for how long (0: for good); absent: never. */
  readonly outages?: readonly { readonly at: Nanos; readonly for: Nanos }[]
  /** Where the stage draws it: fractions of the width and height. */
  readonly position: { readonly x: number; readonly y: number }
}

export interface ResolvedLink {
  /** `'alice-bob'`. */
  readonly name: string
  /** Indices of hosts. */
  readonly hosts: readonly [number, number]
  /** Index of the interface at each end. */
  readonly ports: readonly [number, number]
  /** Settings by direction: [0] from hosts[0] to hosts[1]. */
  readonly settings: readonly [LinkSettings, LinkSettings]
}

/** A choice of the reader. */
export interface ResolvedKnob {
  readonly name: string
  readonly label: string
  /** Longer explanation, or ''. */
  readonly help: string
  readonly control:
    | {
        readonly kind: 'range'
        readonly min: number
        readonly max: number
        readonly step: number
        readonly scale: 'linear' | 'log'
        /** Kind of unit, for parsing and for display. */
        readonly unit: 'fraction' | 'time' | 'rate' | 'bytes' | 'count'
      }
    | { readonly kind: 'choice'; readonly choices: readonly { readonly value: string | number; readonly label: string }[] }
    | { readonly kind: 'toggle' }
  /** Value in base units (fraction, ns, bit/s, bytes), a choice's value, or a boolean. */
  readonly value: number | string | boolean
  /** Paths in the scenario that it sets: `'links[0].loss'`, `'hosts.bob.app.delay'`. */
  readonly sets: readonly string[]
  /** Whether a change needs the run to start anew (shape of the network, choice of protocol) or acts live. */
  readonly applies: 'live' | 'restart'
}

export interface LessonStep {
  /** Markdown of a sentence or two. */
  readonly text: string
  /** The step is done when this has happened. */
  readonly until?: { readonly event: string } | { readonly time: Nanos } | { readonly intervention: string }
  /** What may come of it: the reader says what he expects, and later steps recall it. */
  readonly predict?: readonly string[]
}

/** Two runs of a scenario with the same seed and one knob apart, for being shown both at once. */
export interface ResolvedComparison {
  /** Name of the knob. */
  readonly knob: string
  /** Its value in each of the two, in base units; they differ. */
  readonly values: readonly [number | string | boolean, number | string | boolean]
  /** Whether both are shown from the beginning. */
  readonly open: boolean
}

/**
 * A scenario with every default filled in, every unit turned into a number and every address assigned. Plain data: it is what
 * workers are given. Claims stay behind, with the scenario's author.
 */
export interface ResolvedScenario {
  readonly id: string
  readonly title: string
  /** One sentence for cards and screen readers. */
  readonly summary: string
  readonly seed: number
  /** The run ends here, or earlier when nothing is left to happen. */
  readonly duration: Nanos
  /** Speed that the page starts with: simulated seconds per real second. */
  readonly speed: number
  readonly hosts: readonly ResolvedHost[]
  readonly links: readonly ResolvedLink[]
  readonly knobs: readonly ResolvedKnob[]
  /** Kinds of fault offered by hand. */
  readonly faults: readonly ('drop' | 'corrupt' | 'link' | 'cut' | 'kill' | 'pause' | 'machine')[]
  /** Instruments to open at first: `'events'`, `'inspector'`. */
  readonly views: readonly string[]
  /** Charts over simulated time; absent: none. */
  readonly charts?: readonly ChartPlan[]
  /** Two runs that are offered to be shown both at once; absent: none. */
  readonly compare?: ResolvedComparison
  /** What the colours of packets tell apart at first; absent: connections. */
  readonly colorBy?: 'connection' | 'stream'
  readonly lesson: readonly LessonStep[]
}
