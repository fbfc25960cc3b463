import { FATE_NUMBER } from '../kernel/egress.ts'
import { corruptionOf } from '../kernel/impairments.ts'
import { DEFAULT_LINK, type LinkSettings } from '../kernel/link.ts'
import type { EventData, Id } from '../kernel/machine.ts'
import type { Order } from '../kernel/order.ts'
import { randomStream } from '../kernel/random.ts'
import { NEVER, type Nanos } from '../kernel/time.ts'
import { nextFlap } from '../scenario/flaps.ts'
import type { Action } from '../scenario/intervention.ts'
import type { NumberedPacket } from './packet-strikes.ts'
import { applyKnob, type KnobValue } from '../scenario/knob.ts'
import { LinkLayers, type LinkChange } from '../scenario/link-layers.ts'
import { MachineLayers, type MachineChange } from '../scenario/machine-layers.ts'
import { DEFAULT_MACHINE, MACHINE_LIMITS, type MachineSettings } from '../scenario/machine-settings.ts'
import { LEAST_VALUES, SETTING_UNITS, UNEVEN_COUNTS } from '../scenario/link-schema.ts'
import type { ResolvedScenario } from '../scenario/resolved.ts'
import type { Recorder } from '../trace/recorder.ts'
import { HostStates, type HostPlace } from './host-states.ts'
import { ImpossibleAction } from './impossible-action.ts'
import type { HostState, LinkState } from './run.ts'

/** An order without the event that caused it, and the index of the host that it is for. */
type Draft = Order extends infer O ? (O extends Order ? Omit<O, 'cause'> & { host: number } : never) : never

/** Before the names of a machine's settings, as `Machine.configure` has them. */
const MACHINE = 'machine.'

/** What an action comes to: the words for the trace, and what each host has to do. */
export interface Plan {
  readonly name: string
  readonly data: EventData
  readonly cause: Id
  readonly drafts: readonly Draft[]
  /** Writes to the trace what the action itself decided. */
  readonly note: () => void
}

/** How links, hosts and knobs stand, and how an action changes them. */
export class NetworkState {
  /** What is in force on links. */
  readonly links: { settings: [LinkSettings, LinkSettings] }[]
  /** The same in its layers, by link and direction. */
  private readonly layers: readonly (readonly [LinkLayers, LinkLayers])[]
  /** When the schedule of some link has its next word, or `NEVER`. */
  nextFlap: Nanos = NEVER
  private readonly states: HostStates
  private readonly machines: readonly MachineLayers[]
  /** Machines of members of crowds that are no longer like all others, by host and index. */
  private readonly memberMachines = new Map<number, Map<number, MachineLayers>>()
  /** How often a host has changed its state by itself. */
  selfChanges = 0
  readonly knobs: Record<string, KnobValue>

  constructor(
    private readonly scenario: ResolvedScenario,
    private readonly seed: number,
    private readonly recorder: Recorder,
  ) {
    this.layers = scenario.links.map(({ settings: [there, back] }) => [new LinkLayers(there), new LinkLayers(back)])
    this.links = scenario.links.map(({ settings: [there, back] }) => ({ settings: [{ ...there }, { ...back }] }))
    this.machines = scenario.hosts.map(({ machine }) => new MachineLayers(machine))
    this.states = new HostStates(scenario.hosts)
    recorder.powerNews = (host, member, isOn) => {
      this.states.changedItself(host, member === 0 ? undefined : member - 1, isOn)
      this.selfChanges++
    }
    this.knobs = Object.fromEntries(scenario.knobs.map(({ name, value }) => [name, value]))
    this.findNextFlap(-1)
  }

  get hosts(): readonly HostState[] {
    return this.states.snapshot()
  }

  /** Smallest delay of all links, in both directions; `NEVER` without links. */
  get smallestDelay(): Nanos {
    let smallest = NEVER
    for (const { settings } of this.links) smallest = Math.min(smallest, settings[0].delay, settings[1].delay)
    return smallest
  }

  /** For `change` events of the page. */
  snapshot(): { links: LinkState[]; hosts: HostState[]; knobs: Record<string, KnobValue> } {
    return {
      links: this.links.map(({ settings }) => ({ settings: [{ ...settings[0] }, { ...settings[1] }] })),
      hosts: this.states.snapshot(),
      knobs: { ...this.knobs },
    }
  }

  /**
   * Carries an action out on this state, and says what is left to do.
   * @throws ImpossibleAction, and then nothing has changed; ScenarioError for a knob or a value that does not exist
   */
  plan(action: Action, now: Nanos): Plan {
    if ('drop' in action)
      return 'frame' in action.drop ? this.dropFrame(action.drop.frame, now) : this.strike('run:frame-dropped', action.drop)
    if ('corrupt' in action)
      return 'frame' in action.corrupt
        ? this.corruptFrame(action.corrupt.frame)
        : this.strike('run:frame-corrupted', action.corrupt)
    if ('set' in action) return this.setKnob(action.set.knob, action.set.value, now)
    if ('kill' in action) return this.power('kill', 'run:host-killed', action.kill)
    if ('restart' in action) return this.power('restart', 'run:host-restarted', action.restart)
    if ('pause' in action) return this.power('pause', 'run:host-paused', action.pause)
    if ('resume' in action) return this.power('resume', 'run:host-resumed', action.resume)
    if ('watch' in action) return this.watch(action.watch, true)
    if ('unwatch' in action) return this.watch(action.unwatch, false)
    if ('cut' in action) return this.plug(action.cut, false, now)
    if ('heal' in action) return this.plug(action.heal, true, now)
    if ('host' in action) return this.changeHost(action.host)
    const { name, direction, settings } = action.link
    checkSettings(settings)
    const words = Object.entries(settings).map(([key, value]) => `${key} ${value === null ? 'as before' : wordsOf(value)}`)
    const cut: number[] = []
    const drafts = this.changeLink(this.linkIndex(name), direction, now, cut, (layers) => {
      layers.override(settings)
    })
    return this.linkPlan('run:link-changed', { link: name, settings: words }, drafts, cut, now)
  }

  private dropFrame(number: number, now: Nanos): Plan {
    const { id, host, peer } = this.underWay(number)
    const draft = { kind: 'drop', frame: id } as const
    return {
      ...plan('run:frame-dropped', { frame: number }, both(draft, host, peer)),
      cause: id,
      note: () => {
        this.recorder.setFate(number, FATE_NUMBER['dropped-by-hand'], now)
      },
    }
  }

  private corruptFrame(number: number): Plan {
    const { id, host, peer, length, link, direction } = this.underWay(number)
    const draw = randomStream(this.seed, `corrupt-by-hand/${String(number)}`)
    const corruption = corruptionOf(draw.below(length), 1 + draw.below(255))
    const detected = !this.links[link].settings[direction].corruptUndetected
    const draft = { kind: 'corrupt', frame: id, corruption, detected } as const
    return {
      ...plan('run:frame-corrupted', { frame: number }, both(draft, host, peer)),
      cause: id,
      note: () => {
        this.recorder.corrupt(number, corruption, detected)
      },
    }
  }

  /** The link has known of it since the run began (`withPacketsStruck`); here it is only told. */
  private strike(name: string, { link, direction, packet }: NumberedPacket): Plan {
    const settings = this.links[this.linkIndex(link)].settings[direction]
    const list = name === 'run:frame-dropped' ? settings.dropList : settings.corruptList
    if (!list.includes(packet))
      throw new ImpossibleAction(`Packet ${String(packet)} of ${link} can only be struck by a run that starts anew.`)
    return plan(name, { link, direction: direction === 0 ? 'forward' : 'backward', packet }, [])
  }

  private setKnob(name: string, value: KnobValue, now: Nanos): Plan {
    const changes = applyKnob(this.scenario, name, value)
    const cut: number[] = []
    const drafts = changes.flatMap((change): Draft[] =>
      change.kind === 'link'
        ? this.changeLink(change.link, change.direction, now, cut, (layers) => {
            layers.rebase(change.settings)
          })
        : this.configure(this.states.find(change.host), change.path, change.value),
    )
    this.knobs[name] = value
    return this.linkPlan('run:knob-set', { knob: name, value }, drafts, cut, now)
  }

  private power(kind: 'kill' | 'restart' | 'pause' | 'resume', name: string, host: string): Plan {
    return plan(name, { host }, [{ kind, ...this.states.order(kind, host) }])
  }

  private watch(host: string, on: boolean): Plan {
    const name = on ? 'run:host-watched' : 'run:host-unwatched'
    return plan(name, { host }, [{ kind: 'watch', on, ...this.states.watch(host, on) }])
  }

  private configure(place: HostPlace, path: string, value: unknown): Draft[] {
    if (!path.startsWith(MACHINE)) return [{ kind: 'configure', path, value, ...place }]
    return this.changeMachine(place, (layers) => {
      layers.rebase({ [path.slice(MACHINE.length)]: value })
    })
  }

  private changeHost({ name, settings }: Extract<Action, { host: unknown }>['host']): Plan {
    const place = this.states.find(name)
    if (this.scenario.hosts[place.host].kind === 'switch')
      throw new ImpossibleAction(`${name} is a switch, whose machine is always perfect.`)
    checkMachine(settings)
    this.states.needWhole(place)
    const words = Object.entries(settings).map(([key, value]) => `${key} ${value === null ? 'as before' : String(value)}`)
    const drafts = this.changeMachine(place, (layers) => {
      layers.override(settings)
    })
    return plan('run:host-changed', { host: name, settings: words }, drafts)
  }

  /** Changes the layers of the machine under a host; what that comes to. */
  private changeMachine(place: HostPlace, change: (layers: MachineLayers) => void): Draft[] {
    const layers = this.machineOf(place)
    const before = layers.settings
    change(layers)
    const machine = layers.settings
    const changed = (Object.keys(machine) as (keyof MachineSettings)[]).filter((key) => machine[key] !== before[key])
    // What is said to all holds for those, too, to whom something else was said before.
    if (place.member === undefined)
      for (const own of this.memberMachines.get(place.host)?.values() ?? [])
        for (const key of changed) own.settle(key, machine[key])
    return changed.map((key) => ({ kind: 'configure', path: MACHINE + key, value: machine[key], ...place }))
  }

  private machineOf({ host, member }: HostPlace): MachineLayers {
    if (member === undefined) return this.machines[host]
    let ofHost = this.memberMachines.get(host)
    if (ofHost === undefined) this.memberMachines.set(host, (ofHost = new Map<number, MachineLayers>()))
    let layers = ofHost.get(member)
    if (layers === undefined) ofHost.set(member, (layers = new MachineLayers(this.machines[host].settings)))
    return layers
  }

  private plug(name: string, up: boolean, now: Nanos): Plan {
    const index = this.linkIndex(name)
    if (this.layers[index].every(({ settings }) => settings.up === up)) {
      throw new ImpossibleAction(up ? `The link ${name} is not cut.` : `The link ${name} is cut already.`)
    }
    const cut: number[] = []
    const drafts = this.changeLink(index, undefined, now, cut, (layers) => {
      layers.plug(up)
    })
    return this.linkPlan(up ? 'run:link-healed' : 'run:link-cut', { link: name }, drafts, cut, now)
  }

  /** What schedules have links do now; undefined when it changes nothing. */
  flap(now: Nanos): Plan | undefined {
    const drafts: Draft[] = []
    const cut: number[] = []
    const down: string[] = []
    const up: string[] = []
    this.scenario.links.forEach(({ name }, index) => {
      const changed = this.enforce(index, now, cut)
      if (changed.length === 0) return
      drafts.push(...changed)
      const isDown = changed.some((draft) => draft.kind === 'cut-incoming')
      ;(isDown ? down : up).push(name)
    })
    this.findNextFlap(now)
    return drafts.length === 0 ? undefined : this.linkPlan('run:links-flapped', { down, up }, drafts, cut, now)
  }

  private findNextFlap(after: Nanos): void {
    this.nextFlap = NEVER
    for (const directions of this.layers) {
      for (const { settings } of directions) this.nextFlap = Math.min(this.nextFlap, nextFlap(settings, after))
    }
  }

  /** Changes the layers of one direction of a link, or of both; what that comes to, see `enforce`. */
  private changeLink(
    index: number,
    direction: 0 | 1 | undefined,
    now: Nanos,
    cut: number[],
    change: (layers: LinkLayers) => void,
  ): Draft[] {
    this.layers[index].forEach((layers, end) => {
      if (direction === undefined || direction === end) change(layers)
    })
    this.findNextFlap(now)
    return this.enforce(index, now, cut)
  }

  /** Puts a link into the state that its layers ask for; adds the directions that this cuts to `cut`, each as `link * 2 + direction`. */
  private enforce(index: number, now: Nanos, cut: number[]): Draft[] {
    const { hosts, ports } = this.scenario.links[index]
    const drafts: Draft[] = []
    for (const end of [0, 1] as const) {
      const before = this.links[index].settings[end]
      const after = this.layers[index][end].at(now)
      const settings = differences(before, after)
      if (Object.keys(settings).length === 0) continue
      this.links[index].settings[end] = after
      drafts.push({ kind: 'link', host: hosts[end], port: ports[end], settings })
      if (!before.up || after.up) continue
      drafts.push({ kind: 'cut-incoming', host: hosts[1 - end], port: ports[1 - end] })
      cut.push(index * 2 + end)
    }
    return drafts
  }

  private linkPlan(name: string, data: EventData, drafts: readonly Draft[], cut: readonly number[], now: Nanos): Plan {
    return {
      ...plan(name, data, drafts),
      note: () => {
        if (cut.length > 0) this.recorder.loseInFlight(cut, FATE_NUMBER['link-down'], now)
      },
    }
  }

  private underWay(number: number) {
    const { store } = this.recorder
    if (number > store.frameCount) throw new ImpossibleAction(`There is no frame ${String(number)} yet.`)
    const frame = store.frame(number)
    if (frame === undefined || (frame.fate !== 'queued' && frame.fate !== 'in-flight')) {
      throw new ImpossibleAction(`Frame ${String(number)} is no longer on its way.`)
    }
    const { id, from, to, length, link, direction } = frame
    return { id, host: from, peer: to, length, link, direction }
  }

  private linkIndex(name: string): number {
    const index = this.scenario.links.findIndex((link) => link.name === name)
    if (index < 0) throw new ImpossibleAction(`There is no link ${name}.`)
    return index
  }
}

/** The settings that are others after than before. */
function differences(before: LinkSettings, after: LinkSettings): Partial<LinkSettings> {
  const keys = Object.keys(after) as (keyof LinkSettings)[]
  return Object.fromEntries(keys.filter((key) => before[key] !== after[key]).map((key) => [key, after[key]]))
}

function wordsOf(value: LinkSettings[keyof LinkSettings]): string {
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}

/** Those that come from files are checked already; a program may ask for anything. */
function checkMachine(settings: MachineChange): void {
  for (const [name, value] of Object.entries(settings)) {
    if (!Object.hasOwn(DEFAULT_MACHINE, name)) throw new ImpossibleAction(`A machine has no setting ${name}.`)
    if (value === null) continue
    const { min, max } = MACHINE_LIMITS[name as keyof MachineSettings]
    if (!(typeof value === 'number' && value >= min && value <= max))
      throw new ImpossibleAction(`A machine's ${name} is a number from ${String(min)} to ${String(max)}, not ${String(value)}.`)
  }
}

function checkSettings(settings: LinkChange): void {
  for (const [name, value] of Object.entries(settings)) {
    const key = name as keyof LinkSettings
    if (!Object.hasOwn(DEFAULT_LINK, key)) throw new ImpossibleAction(`A link has no setting ${name}.`)
    if (value === null) continue
    const usual = DEFAULT_LINK[key]
    if (typeof value !== typeof usual || Array.isArray(value) !== Array.isArray(usual)) {
      throw new ImpossibleAction(`A link's ${key} is something like ${wordsOf(usual)}, not ${wordsOf(value)}.`)
    }
    if (typeof value === 'number') checkNumber(key, value)
  }
}

function checkNumber(key: keyof LinkSettings, value: number): void {
  const unit = SETTING_UNITS[key]
  const [least, most] = unit === 'fraction' ? [0, 1] : [LEAST_VALUES[key] ?? 0, Number.MAX_SAFE_INTEGER]
  const isWhole = unit !== 'fraction' && unit !== 'rate' && !UNEVEN_COUNTS.has(key)
  if (value >= least && value <= most && (!isWhole || Number.isInteger(value))) return
  throw new ImpossibleAction(
    `A link's ${key} is a ${isWhole ? 'whole ' : ''}number from ${String(least)} to ${String(most)}, not ${String(value)}.`,
  )
}

function plan(name: string, data: EventData, drafts: readonly Draft[]): Plan {
  return { name, data, cause: 0, drafts, note: nothing }
}

function nothing(): void {
  // Most actions decide nothing about frames.
}

function both<T extends object>(draft: T, host: number, peer: number): (T & { host: number })[] {
  return [
    { ...draft, host },
    { ...draft, host: peer },
  ]
}
