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
    if ('corrupt' in action) return this.corruptFrame(action.corrupt.frame, now)
    if ('set' in action) return this.setKnob(action.set.knob, action.set.value)
    if ('kill' in action) return this.power('kill', 'run:host-killed', action.kill, 'off')
    if ('restart' in action) return this.power('restart', 'run:host-restarted', action.restart, 'on')
    if ('pause' in action) return this.power('pause', 'run:host-paused', action.pause, 'paused')
    if ('resume' in action) return this.power('resume', 'run:host-resumed', action.resume, 'on')
    if ('cut' in action) return this.plug(action.cut, false, now)
    if ('heal' in action) return this.plug(action.heal, true, now)
    const { name, direction, settings } = action.link
    const drafts = this.changeLink(this.linkIndex(name), direction, settings)
    const words = Object.entries(settings).map(([key, value]) => `${key} ${String(value)}`)
    return plan('run:link-changed', { link: name, settings: words }, drafts)
  }

  private dropFrame(number: number, now: Nanos): Plan {
    const { id, host, peer } = this.underWay(number, now)
    const draft = { kind: 'drop', frame: id } as const
    return {
      ...plan('run:frame-dropped', { frame: number }, both(draft, host, peer)),
      cause: id,
      note: () => {
        this.recorder.setFate(number, FATE_NUMBER['dropped-by-hand'], now)
      },
    }
  }

  private corruptFrame(number: number, now: Nanos): Plan {
    const { id, host, peer, length, link, direction, arrives } = this.underWay(number, now)
    const draw = randomStream(this.seed, `corrupt-by-hand/${String(number)}`)
    const corruption = corruptionOf(draw.below(length), 1 + draw.below(255))
    return {
      ...plan('run:frame-corrupted', { frame: number }, both({ kind: 'corrupt', frame: id, corruption } as const, host, peer)),
      cause: id,
      note: () => {
        this.recorder.setCorruption(number, corruption)
        const detected = !(this.links[link]?.settings[direction].corruptUndetected ?? false)
        if (detected && arrives !== NEVER) this.recorder.setFate(number, FATE_NUMBER['bad-fcs'], arrives)
      },
    }
  }

  private setKnob(name: string, value: KnobValue): Plan {
    const changes = applyKnob(this.scenario, name, value)
    const drafts = changes.flatMap((change): Draft[] =>
      change.kind === 'link'
        ? this.changeLink(change.link, change.direction, change.settings)
        : [{ kind: 'configure', path: change.path, value: change.value, host: this.hostIndex(change.host) }],
    )
    this.knobs[name] = value
    return plan('run:knob-set', { knob: name, value }, drafts)
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
    const state = this.links[index]
    const link = this.scenario.links[index]
    if (state === undefined || link === undefined) throw new ImpossibleAction(`There is no link ${name}.`)
    if (state.settings[0].up === up && state.settings[1].up === up) {
      throw new ImpossibleAction(up ? `The link ${name} is not cut.` : `The link ${name} is cut already.`)
    }
    const drafts = this.changeLink(index, undefined, { up })
    if (up) return plan('run:link-healed', { link: name }, drafts)
    const incoming = ([0, 1] as const).map((end): Draft => ({
      kind: 'cut-incoming',
      host: link.hosts[end],
      port: link.ports[end],
    }))
    return {
      ...plan('run:link-cut', { link: name }, [...drafts, ...incoming]),
      note: () => {
        this.loseAllOn(index, now)
      },
    }
  }

  /** Merges settings into one direction, or both. */
  private changeLink(index: number, direction: 0 | 1 | undefined, settings: Partial<LinkSettings>): Draft[] {
    const link = this.scenario.links[index]
    const state = this.links[index]
    if (link === undefined || state === undefined) throw new ImpossibleAction(`There is no link number ${String(index)}.`)
    return ([0, 1] as const)
      .filter((end) => direction === undefined || direction === end)
      .map((end) => {
        Object.assign(state.settings[end], settings)
        return { kind: 'link', host: link.hosts[end], port: link.ports[end], settings } as const
      })
  }

  /** What is on a link that is cut is lost there. */
  private loseAllOn(link: number, now: Nanos): void {
    const { store } = this.recorder
    for (const frame of store.frames((frame) => frame.link === link && frame.fate === 'in-flight')) {
      this.recorder.setFate(frame.number, FATE_NUMBER['link-down'], now)
    }
  }

  private underWay(number: number, now: Nanos) {
    const frame = this.recorder.store.frame(number)
    if (frame === undefined) throw new ImpossibleAction(`There is no frame ${String(number)} yet.`)
    const { fate, id, from, to, length, link, direction, arrives } = frame
    if ((fate !== 'queued' && fate !== 'in-flight') || frame.enqueued >= now) {
      throw new ImpossibleAction(`Frame ${String(number)} is no longer on its way.`)
    }
    return { id, host: from, peer: to, length, link, direction, arrives }
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
