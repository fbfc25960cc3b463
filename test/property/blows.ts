import assert from 'node:assert/strict'
import type { SocketAddress } from '../../src/host/socket.ts'
import { TcpEndpoint } from '../../src/host/tcp-endpoint.ts'
import type { Engine } from '../../src/kernel/engine.ts'
import type { Nanos } from '../../src/kernel/time.ts'
import type { InlineRun } from '../../src/run/run-inline.ts'
import type { Action, Intervention } from '../../src/scenario/intervention.ts'
import type { TcpState } from '../../src/protocols/tcp/state.ts'
import type { EventRecord } from '../../src/trace/record.ts'
import { allOf, censusOf } from './census.ts'
import { seededChoice } from './seeded-choice.ts'

/** How many blows a run gets, if there are as many to hit. */
const BLOWS = 9
const MS = 1e6
const COUNTED = ['TcpEndpoint', 'Coroutine', 'PendingTimer', 'MemberTimer', 'Alarm', 'WaitQueue', 'LiveSocket', 'RedisSession']

/** Who may be hit, by name. */
export interface Targets {
  readonly hosts: readonly string[]
  readonly links: readonly string[]
}

/** What is done to whom, how it ends, and on which of them. */
const KINDS = ['kill', 'pause', 'cut', 'restart'] as const

/** Blows at any moment of a time, each at somebody who is not under another, and all of them made good at its end. */
export function blows({ hosts, links }: Targets, from: Nanos, until: Nanos, seed: number): Intervention[] {
  const choice = seededChoice(seed)
  const log: Intervention[] = []
  const busyUntil = new Map<string, number>()
  const most = Math.min(BLOWS, hosts.length + links.length)
  for (let blow = 0; blow < most;) {
    const kind = KINDS[choice(KINDS.length)]
    const victims = kind === 'cut' ? links : hosts
    const victim = victims[choice(victims.length)]
    const at = from + choice((until - from) / 1000) * 1000
    // Many are short: just as long as something that is on its way.
    const end = Math.min(until, at + (choice(2) === 0 ? choice(60) : choice(3000)) * MS + MS)
    if (busyUntil.has(victim)) continue
    busyUntil.set(victim, end)
    blow++
    const act = (time: number, action: Action): void => {
      log.push({ ...action, at: time })
    }
    if (kind === 'restart') act(at, { restart: victim })
    else if (kind === 'cut') {
      act(at, { cut: victim })
      act(end, { heal: victim })
    } else if (kind === 'pause') {
      act(at, { pause: victim })
      act(end, { resume: victim })
    } else {
      act(at, { kill: victim })
      act(end, { restart: victim })
    }
  }
  return log.sort((a, b) => a.at - b.at)
}

/** What the hosts of a run hold, by group and class. Of hosts that do the same, all together: which of them has a connection is chance. */
export function held(run: InlineRun, groupOf: (engine: Engine) => string): Map<string, number> {
  const sums = new Map<string, number>()
  for (const engine of run.hosts.engines) {
    const census = censusOf(engine)
    for (const name of COUNTED) {
      const key = `${groupOf(engine)} ${name}`
      sums.set(key, (sums.get(key) ?? 0) + (census.get(name) ?? 0))
    }
  }
  return sums
}

/**
 * Nobody holds more than what is usual, and a little.
 *
 * @param perConnection how much of each there may be with each connection that is not usual
 */
export function assertHeld(
  now: ReadonlyMap<string, number>,
  usual: ReadonlyMap<string, number>,
  slack: number,
  what: string,
  perConnection = 0,
): void {
  for (const [name, count] of now) {
    // Each connection may just now have timers running, for what it has sent and for what it has to acknowledge.
    const [group, type] = name.split(' ')
    const timers = type.endsWith('Timer') ? 2 * (now.get(`${group} TcpEndpoint`) ?? 0) : 0
    const calm = usual.get(name) ?? 0
    const more = Math.max(0, (now.get(`${group} TcpEndpoint`) ?? 0) - (usual.get(`${group} TcpEndpoint`) ?? 0))
    assert.ok(
      count <= calm + timers + slack + perConnection * more,
      `${what}: ${name}, ${String(count)} in the place of ${String(calm)}`,
    )
  }
}

/** Connections of which the other end knows nothing, though they are not at their end. Not for networks in which addresses change on the way. */
export function halfConnections(run: InlineRun): string[] {
  const ends = new Set<string>()
  for (const engine of run.hosts.engines)
    for (const { local, remote } of allOf(engine, TcpEndpoint)) ends.add(nameOf(local, remote))
  return run.hosts.engines.flatMap((engine) =>
    allOf(engine, TcpEndpoint)
      .filter(({ local, remote, machine: { state } }) => !isOver(state) && !ends.has(nameOf(remote, local)))
      .map(({ local, remote, machine: { state } }) => `${engine.name} ${nameOf(local, remote)} ${state}`),
  )
}

const isOver = (state: TcpState): boolean => state === 'CLOSED' || state === 'TIME-WAIT'

const nameOf = (from: SocketAddress, to: SocketAddress): string =>
  `${String(from.address)}:${String(from.port)} > ${String(to.address)}:${String(to.port)}`

export function assertNothingFailed({ trace }: InlineRun, what: string): void {
  const failed = trace.all('app:failed', () => true).map(({ host, data }) => [trace.hosts[host], data])
  assert.deepEqual(failed, [], what)
}

export const eventsOf = ({ trace }: InlineRun, name: string): EventRecord[] => trace.all(name, () => true)

/** Of each client, a host or a member of a crowd, the state that it was in last. */
export function statesOf(run: InlineRun): Map<string, unknown> {
  const whose = ({ host, member }: EventRecord): string => `${run.trace.hosts[host]}/${String(member)}`
  return new Map(eventsOf(run, 'client:state-changed').map((event) => [whose(event), event.data['state']]))
}

/** What was acknowledged is told once to each of these, and has one id. Returns how much that was. */
export function assertTold(run: InlineRun, listeners: readonly string[], what: string): number {
  const { trace } = run
  const acknowledged = new Map<unknown, unknown>()
  for (const { data } of eventsOf(run, 'chat:acknowledged')) {
    assert.ok(!acknowledged.has(data['key']), `${what}: ${String(data['key'])} is acknowledged twice`)
    acknowledged.set(data['key'], data['id'])
  }
  const ids = [...acknowledged.values()]
  assert.equal(new Set(ids).size, ids.length, `${what}: two messages have one id`)
  const heardBy = (host: string): unknown[] =>
    eventsOf(run, 'chat:heard').flatMap((event) => (trace.hosts[event.host] === host ? [event.data['id']] : []))
  for (const host of listeners) {
    const heard = heardBy(host)
    assert.equal(new Set(heard).size, heard.length, `${what}: ${host} has heard something twice`)
    const lost = ids.filter((id) => !heard.includes(id))
    assert.deepEqual(lost, [], `${what}: ${host} has not heard what was acknowledged`)
  }
  return ids.length
}
