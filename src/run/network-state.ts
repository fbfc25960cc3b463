import { corruptionOf, FATE_NUMBER } from '../kernel/egress.ts'
import type { LinkSettings } from '../kernel/link.ts'
import type { EventData, Id } from '../kernel/machine.ts'
import type { Order } from '../kernel/order.ts'
import { randomStream } from '../kernel/random.ts'
import { NEVER, type Nanos } from '../kernel/time.ts'
import type { Action } from '../scenario/intervention.ts'
import { applyKnob, type KnobValue } from '../scenario/knob.ts'
import type { ResolvedScenario } from '../scenario/resolved.ts'
import type { Recorder } from '../trace/recorder.ts'
import type { HostState, LinkState } from './run.ts'

/** An order without the event that caused it, and the index of the host that it is for. */
type Draft = Order extends infer O ? (O extends Order ? Omit<O, 'cause'> & { host: number } : never) : never

/** An action that cannot be carried out now; the message is for people. */
export class ImpossibleAction extends Error {
  override readonly name = 'ImpossibleAction'
}

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
  readonly links: { settings: [LinkSettings, LinkSettings] }[]
  readonly hosts: HostState[]
  readonly knobs: Record<string, KnobValue>

  constructor(
    private readonly scenario: ResolvedScenario,
    private readonly seed: number,
    private readonly recorder: Recorder,
  ) {
    this.links = scenario.links.map(({ settings: [there, back] }) => ({ settings: [{ ...there }, { ...back }] }))
    this.hosts = scenario.hosts.map(() => ({ power: 'on' }))
    this.knobs = Object.fromEntries(scenario.knobs.map(({ name, value }) => [name, value]))
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
      hosts: [...this.hosts],
      knobs: { ...this.knobs },
    }
  }

  /**
   * Carries an action out on this state, and says what is left to do.
   * @throws ImpossibleAction, and then nothing has changed; ScenarioError for a knob or a value that does not exist
   */
  plan(action: Action, now: Nanos): Plan {
    if ('drop' in action) return this.dropFrame(action.drop.frame, now)
    if ('corrupt' in action) return this.corruptFrame(action.corrupt.frame)
    if ('set' in action) return this.setKnob(action.set.knob, action.set.value, now)
    if ('kill' in action) return this.power('kill', 'run:host-killed', action.kill, 'off')
    if ('restart' in action) return this.power('restart', 'run:host-restarted', action.restart, 'on')
    if ('pause' in action) return this.power('pause', 'run:host-paused', action.pause, 'paused')
    if ('resume' in action) return this.power('resume', 'run:host-resumed', action.resume, 'on')
    if ('cut' in action) return this.plug(action.cut, false, now)
    if ('heal' in action) return this.plug(action.heal, true, now)
    const { name, direction, settings } = action.link
    checkSettings(settings)
    const words = Object.entries(settings).map(([key, value]) => `${key} ${String(value)}`)
    const cut: number[] = []
    const drafts = this.changeLink(this.linkIndex(name), direction, settings, cut)
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

  private setKnob(name: string, value: KnobValue, now: Nanos): Plan {
    const changes = applyKnob(this.scenario, name, value)
    const cut: number[] = []
    const drafts = changes.flatMap((change): Draft[] =>
      change.kind === 'link'
        ? this.changeLink(change.link, change.direction, change.settings, cut)
        : [{ kind: 'configure', path: change.path, value: change.value, host: this.hostIndex(change.host) }],
    )
    this.knobs[name] = value
    return this.linkPlan('run:knob-set', { knob: name, value }, drafts, cut, now)
  }

  private power(kind: 'kill' | 'restart' | 'pause' | 'resume', name: string, host: string, power: HostState['power']): Plan {
    const index = this.hostIndex(host)
    const is = this.hosts[index]?.power
    if (kind === 'pause' && is !== 'on') throw new ImpossibleAction(`${host} is not running, so it cannot be paused.`)
    if (kind === 'resume' && is !== 'paused') throw new ImpossibleAction(`${host} is not paused, so it cannot be resumed.`)
    if (kind === 'kill' && is === 'off') throw new ImpossibleAction(`${host} is off already.`)
    this.hosts[index] = { power }
    return plan(name, { host }, [{ kind, host: index }])
  }

  private plug(name: string, up: boolean, now: Nanos): Plan {
    const index = this.linkIndex(name)
    const { settings } = this.links[index]
    if (settings[0].up === up && settings[1].up === up) {
      throw new ImpossibleAction(up ? `The link ${name} is not cut.` : `The link ${name} is cut already.`)
    }
    const cut: number[] = []
    const drafts = this.changeLink(index, undefined, { up }, cut)
    return this.linkPlan(up ? 'run:link-healed' : 'run:link-cut', { link: name }, drafts, cut, now)
  }

  /** Merges settings into one direction, or both, and adds the directions that this cuts to `cut`, each as `link * 2 + direction`. */
  private changeLink(index: number, direction: 0 | 1 | undefined, settings: Partial<LinkSettings>, cut: number[]): Draft[] {
    const { hosts, ports } = this.scenario.links[index]
    const drafts: Draft[] = []
    for (const end of [0, 1] as const) {
      if (direction !== undefined && direction !== end) continue
      const state = this.links[index].settings[end]
      const { up } = state
      Object.assign(state, settings)
      drafts.push({ kind: 'link', host: hosts[end], port: ports[end], settings })
      if (!up || state.up) continue
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

  private hostIndex(name: string): number {
    const index = this.scenario.hosts.findIndex((host) => host.name === name)
    if (index < 0) throw new ImpossibleAction(`There is no host ${name}.`)
    return index
  }

  private linkIndex(name: string): number {
    const index = this.scenario.links.findIndex((link) => link.name === name)
    if (index < 0) throw new ImpossibleAction(`There is no link ${name}.`)
    return index
  }
}

/** Probabilities among the settings of a link. */
const SHARES: readonly (keyof LinkSettings)[] = ['loss', 'corrupt', 'duplicate', 'reorder']

/** Those that come from files are checked already; a program may ask for anything. */
function checkSettings(settings: Partial<LinkSettings>): void {
  for (const [key, value] of Object.entries(settings)) {
    if (typeof value !== 'number') continue
    const isShare = SHARES.some((share) => share === key)
    const [least, most] = isShare ? [0, 1] : [key === 'delay' ? 1 : 0, Number.MAX_SAFE_INTEGER]
    if (!(value >= least && value <= most) || !(isShare || key === 'rate' || Number.isInteger(value))) {
      throw new ImpossibleAction(
        `A link's ${key} is a ${isShare || key === 'rate' ? '' : 'whole '}number from ${String(least)} to ${String(most)}, not ${String(value)}.`,
      )
    }
  }
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
