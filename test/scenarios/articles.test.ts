import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { scenarios } from '../../scenarios/index.ts'
import { resolveScenario } from '../../src/scenario/resolve.ts'
import { decodeShareLink } from '../../src/scenario/share-link.ts'
import { parseInterventions } from '../../src/scenario/intervention-json.ts'
import { formatCount } from '../../src/scenario/units.ts'
import { runOf, sourceOf, type RunSetup } from './catalog-runs.ts'
import type { EventRecord, TraceView } from '../../src/trace/record.ts'

const articleOf = (id: string): string => readFileSync(new URL(`../../scenarios/${id}/article.md`, import.meta.url), 'utf8')

/** The nth event of a name on a host, from 0; from the end when negative. */
function event(trace: TraceView, host: string, name: string, nth = 0, where?: (event: EventRecord) => boolean): EventRecord {
  const found = trace.all(name, (each) => trace.hosts[each.host] === host && (where === undefined || where(each))).at(nth)
  assert.ok(found, `${name} of ${host}`)
  return found
}
const entered = (trace: TraceView, host: string, state: string): number =>
  event(trace, host, 'tcp:state-changed', 0, ({ data }) => data['to'] === state).time
const count = (trace: TraceView, host: string, name: string): number =>
  trace.all(name, (each) => trace.hosts[each.host] === host).length

const ms = (nanos: number, digits = 0): string => {
  const text = (nanos / 1e6).toFixed(digits)
  return `${digits === 0 ? formatCount(Number(text)) : text} ms`
}
const s = (nanos: number, digits = 1): string => `${(nanos / 1e9).toFixed(digits)} s`
const median = (values: number[]): number => values.sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN

/** What the articles say that they measured, measured anew. */
const FIGURES: Readonly<Record<string, () => readonly string[]>> = {
  'hello-network': () => {
    const { trace } = runOf('hello-network')
    const rtt = (nth: number): number => Number(event(trace, 'alice', 'ping:replied', nth).data['rtt'])
    assert.equal([...trace.frames(({ to }) => trace.hosts[to] === 'carol')].length, 1)
    assert.equal(rtt(1), rtt(2))
    return [`It takes ${ms(rtt(0), 1)}`, `take ${ms(rtt(1), 1)} each`, `from 10.0.0.254 after ${ms(rtt(3), 1)}`]
  },
  layers: () => {
    const plain = runOf('layers').trace
    const tiny = runOf('layers', { knobs: { size: 1 } }).trace
    const from = (trace: TraceView, host: string): number[] =>
      [...trace.frames((frame) => frame.kind === 'tcp-data' && trace.hosts[frame.from] === host)].map(({ length }) => length)
    const sum = (lengths: number[]): number => lengths.reduce((all, length) => all + length, 0)
    const [request] = from(plain, 'alice')
    const answer = from(plain, 'bob')
    const isHers = (host: number): boolean => tiny.hosts[host] === 'alice'
    const hers = [...tiny.frames((frame) => isHers(frame.from) || isHers(frame.to))].map(({ length }) => length)
    return [
      `That is ${String(request - 66)} bytes. What leaves her card is ${String(request)} bytes long. The other 66`,
      `At ${ms(event(plain, 'alice', 'arp:resolved').time, 1)} Alice knows`,
      `At ${ms(entered(plain, 'alice', 'ESTABLISHED'), 1)} the connection stands`,
      `The page is there at ${ms(event(plain, 'alice', 'page:loaded').time, 1)}`,
      `${answer.length === 1 ? 'one frame' : '?'} of ${formatCount(sum(answer))} bytes, and ${String(66 * answer.length)} of these are headers: ${((6600 * answer.length) / sum(answer)).toFixed(0)} percent`,
      `${String(sum(hers))} bytes go over Alice's cable, in ${String(hers.length)} frames`,
    ]
  },
  'arp-and-macs': () => {
    const run = (knobs: RunSetup['knobs'] = {}): TraceView => runOf('arp-and-macs', { knobs }).trace
    const heard = (trace: TraceView): string => {
      const isTheirs = (connection: number): boolean => trace.connections[connection].includes('10.0.1.1')
      return String([...trace.frames(({ to, connection }) => trace.hosts[to] === 'mallory' && isTheirs(connection))].length)
    }
    const plain = run()
    const rtts = plain.all('ping:replied').map(({ data }) => Number(data['rtt']))
    const cut = run({ forward: false })
    const learned = (mac: string): string =>
      ms(event(plain, 'switch', 'switch:learned', 0, ({ data }) => data['mac'] === mac).time, 1)
    const router = learned('02:00:00:04:00:00')
    const lied = event(
      plain,
      'alice',
      'arp:resolved',
      0,
      ({ data }) => data['address'] === '10.0.0.254' && data['mac'] === '02:00:00:02:00:00',
    )
    assert.equal(heard(run({ entries: 'both' })), '1')
    return [
      `Alice at ${learned('02:00:00:01:00:00')}, the router at ${router}`,
      `from ${router} on, Mallory hears nothing`,
      `At ${ms(event(plain, 'mallory', 'spoof:started').time, 1)} Mallory sends two`,
      `From ${ms(lied.time, 1)} on, all that Alice`,
      `${heard(plain)} packets of the two are put on her cable`,
      `takes ${ms(Math.max(...rtts.slice(1)), 1)} instead of ${ms(Math.min(...rtts), 1)}`,
      `${heard(run({ entries: 'alice' }))} packets are left to her`,
      `the page takes ${s(Number(event(cut, 'alice', 'page:loaded').data['duration']))}`,
    ]
  },
  'subnets-and-cidr': () => {
    const second = (from: string, knobs: RunSetup['knobs'] = {}): string => {
      const { trace } = runOf('subnets-and-cidr', { knobs })
      return ms(Number(event(trace, 'alice', 'ping:replied', 1, ({ data }) => data['from'] === from).data['rtt']), 1)
    }
    const short = runOf('subnets-and-cidr', { knobs: { alice: 24 } }).trace
    const near = second('10.0.0.100')
    return [
      `Amy takes ${near}, Bob ${second('10.0.0.130')}, Carol ${second('10.0.1.1')}`,
      `at ${s(event(short, 'alice', 'arp:failed').time)} she tells herself`,
      `Amy's takes ${second('10.0.0.100', { alice: 26 })} instead of ${near}`,
    ]
  },
  'tcp-handshake': () => {
    const plain = runOf('tcp-handshake').trace
    const again = runOf('tcp-handshake', { knobs: { trouble: 'three-syns' } }).trace
    const half = runOf('tcp-handshake', { knobs: { trouble: 'ack' } }).trace
    const refused = runOf('tcp-handshake', { knobs: { trouble: 'refused' } }).trace
    const [syn] = [...refused.frames(({ kind }) => kind === 'tcp-syn')]
    const dead = runOf('tcp-handshake', {
      interventions: [
        { at: 3e9, kill: 'bob' },
        { at: 4e9, restart: 'bob' },
      ],
    }).trace
    const times = again.all('tcp:segment-retransmitted').map(({ time }) => Math.round(time / 1e9))
    return [
      `at ${ms(entered(plain, 'bob', 'SYN-RECEIVED'))}`,
      `at ${ms(entered(plain, 'alice', 'ESTABLISHED'))}`,
      `at ${ms(entered(plain, 'bob', 'ESTABLISHED'))}`,
      `the next ones go out at ${times.slice(0, -1).join(', ')} and ${String(times.at(-1))} s`,
      `_his_ timer fires at ${s(event(half, 'bob', 'tcp:rto-expired').time)}`,
      `at ${s(entered(half, 'bob', 'ESTABLISHED'))} Bob is with her`,
      `${ms(event(refused, 'alice', 'script:failed').time - syn.sent)}, one round trip`,
      `At ${s(event(dead, 'alice', 'script:step', 0, ({ data }) => data['step'] === 5).time)} she sends`,
      `At ${s(event(dead, 'alice', 'script:failed').time)} her program has its error`,
    ]
  },
  'tcp-close': () => {
    const plain = runOf('tcp-close').trace
    const lost = runOf('tcp-close', { knobs: { ending: 'last-ack' } }).trace
    const late = runOf('tcp-close', { seed: 184, knobs: { loss: 0.1 } }).trace
    const killed = runOf('tcp-close', { seed: 111, knobs: { loss: 0.1, ending: 'half-close' } }).trace
    const over = (trace: TraceView): EventRecord =>
      event(trace, 'alice', 'tcp:state-changed', 0, ({ data }) => data['from'] === 'TIME-WAIT')
    const fins = [...late.frames(({ kind, from }) => kind === 'tcp-fin' && late.hosts[from] === 'bob')]
    const arrives = fins.at(-1)?.arrives ?? 0
    assert.equal(event(late, 'bob', 'tcp:reset-received').time > arrives, true)
    assert.equal([...late.frames(({ fate }) => fate === 'random-loss')].length, 3)
    assert.equal(over(killed).data['why'], 'rcv-rst')
    return [
      `At ${ms(entered(plain, 'alice', 'FIN-WAIT-1'))} Alice`,
      `acknowledges it at ${ms(entered(plain, 'bob', 'CLOSE-WAIT'))}`,
      `reaches Bob at ${ms(entered(plain, 'bob', 'CLOSED'))}`,
      `until ${s(over(plain).time)}`,
      `so at ${ms(event(lost, 'bob', 'tcp:segment-retransmitted').time)} it goes out again`,
      `it lasts until ${s(over(lost).time)}`,
      `at ${s(arrives)}, she has been gone for ${ms(Math.round((arrives - over(late).time) / 1e7) * 1e7)}`,
      `ends Alice's TIME-WAIT after ${ms(over(killed).time - entered(killed, 'alice', 'TIME-WAIT'))}`,
    ]
  },
  'tcp-head-of-line': () => {
    const run = (setup: RunSetup = {}): TraceView => runOf('tcp-head-of-line', setup).trace
    const ends = (trace: TraceView): number => event(trace, 'alice', 'script:read').time
    const plain = run()
    const data = [...plain.frames(({ kind, from }) => kind === 'tcp-data' && plain.hosts[from] === 'bob')]
    const dropped = (nth: number, knobs: RunSetup['knobs'] = {}): { trace: TraceView; sent: number } => {
      const { sent, arrives, number } = data.at(nth) ?? data[0]
      return { trace: run({ knobs, interventions: [{ at: Math.round((sent + arrives) / 2), drop: { frame: number } }] }), sent }
    }
    const early = Array.from({ length: 10 }, (_, nth) => ends(dropped(nth).trace))
    const middle = dropped(39)
    const last = dropped(-1)
    const repair = ({ trace, sent }: typeof last): string =>
      (((trace.first('tcp:segment-retransmitted')?.time ?? 0) - sent) / 1e6).toFixed(0)
    const { trace } = dropped(data.findIndex(({ sent }) => sent >= 400e6))
    const aside = event(trace, 'alice', 'tcp:out-of-order-buffered').time
    const released = event(trace, 'alice', 'tcp:delivered', 0, ({ time }) => time > aside)
    const slow = ms(ends(dropped(39, { fast: false }).trace))
    return [
      `${formatCount(Number(released.data['length']))} bytes, if you dropped`,
      `waited for ${Math.floor((released.time - aside) / 1e6).toFixed(0)} ms`,
      ` ${ms(ends(plain))} |`,
      `${ms(Math.min(...early))} up to ${ms(Math.max(...early))}`,
      ` ${ms(ends(middle.trace))} |`,
      ` ${ms(ends(last.trace))} |`,
      `${repair(last)} ms after the packet had left, when a repair from the middle begins after ${repair(middle)}`,
      `now costs ${slow} instead of ${ms(ends(middle.trace)).replace(' ms', '')}`,
    ]
  },
  congestion: () => {
    const runs = (knobs: RunSetup['knobs'] = {}): TraceView[] =>
      Array.from({ length: 9 }, (_, index) => runOf('congestion', { knobs, seed: index + 1 }).trace)
    const received = (trace: TraceView, port: number) =>
      [...trace.frames(({ kind, fate, to }) => kind === 'tcp-data' && fate === 'arrived' && trace.hosts[to] === 'carol')].filter(
        ({ connection }) => trace.connections[connection].includes(`:${String(port)}`),
      )
    const bens = (knobs: RunSetup['knobs'] = {}, from = 2.5e9): string => {
      const shares = runs(knobs).map((trace) => {
        const flows = [4000, 4001].map((port) => received(trace, port).map(({ arrives }) => arrives))
        const to = Math.min(...flows.map((arrivals) => arrivals.at(-1) ?? 0))
        const [ann, ben] = flows.map((arrivals) => arrivals.filter((at) => at >= from && at < to).length)
        return ben / (ann + ben)
      })
      return `${(100 * median(shares)).toFixed(0)} %`
    }
    const waits = (knobs: RunSetup['knobs'] = {}): string => {
      const alone = runs(knobs).map((trace) => {
        const early = received(trace, 4000).filter(({ enqueued }) => enqueued > 0.7e9 && enqueued < 1.5e9)
        return median(early.map(({ enqueued, sent }) => sent - enqueued))
      })
      return ms(median(alone))
    }
    const even = bens()
    const fair = bens({ ann: 'bbr', discipline: 'fq-codel' })
    assert.equal(bens({ ann: 'bbr', discipline: 'fq-codel', queue: 100 }), fair)
    return [
      `In the median of nine runs Ben gets ${even}`,
      `wait for more than ${waits()} with Reno, ${waits({ ann: 'cubic' })} with CUBIC, but only ${waits({ ann: 'bbr' })} with BBR`,
      `| Reno | Reno | 25 packets | ${even} |`,
      `| Reno, 50 ms away | 25 packets | ${bens({ delay: 50e6 })} |`,
      `| BBR | Reno | 5 packets | ${bens({ ann: 'bbr', queue: 5 })} |`,
      `| BBR | Reno | 25 packets | ${bens({ ann: 'bbr' })} |`,
      `| BBR | Reno | 100 packets | ${bens({ ann: 'bbr', queue: 100 })} |`,
      `| Reno | BBR | 25 packets | ${bens({ ben: 'bbr' })} |`,
      `| BBR | BBR | 25 packets | ${bens({ ann: 'bbr', ben: 'bbr' })} |`,
      `choose _8 MB_, and from 15 s on Ben's share is ${bens({ ann: 'bbr', ben: 'bbr', size: 'long' }, 15e9)}`,
      `Ben gets ${fair}, with 25 packets and with 100`,
      `with room for 5 packets he gets ${bens({ ann: 'bbr', discipline: 'fq-codel', queue: 5 })}`,
    ]
  },
  'mtu-black-hole': () => {
    const run = (knobs: RunSetup['knobs'] = {}): TraceView => runOf('mtu-black-hole', { knobs }).trace
    const file = (trace: TraceView): number =>
      event(trace, 'alice', 'script:read', 0, ({ data }) => data['bytes'] === 200_000).time
    const plain = run()
    const timeouts = plain.all('tcp:rto-expired').map(({ time }) => time)
    const greeting = event(plain, 'alice', 'tcp:delivered')
    const probing = run({ probing: 'on-black-hole' })
    const suspected = event(probing, 'bob', 'tcp:black-hole-suspected').time
    const retries = ['no', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight'][timeouts.length]
    return [
      `says what will come, in ${String(greeting.data['length'])} bytes`,
      `at ${ms(timeouts[0])}, at ${s(timeouts[1])}, at ${s(timeouts[2])}, each time`,
      `By ${s(timeouts.at(-1) ?? 0)} he has done so ${retries} times`,
      ` ${ms(file(run({ mtu: 1500 })))} |`,
      ` ${ms(file(run({ icmp: true })))} |`,
      ` ${ms(file(run({ clamp: true })))} |`,
      ` ${s(file(probing), 2)} |`,
      ` ${ms(file(run({ probing: 'always' })))} |`,
      `Bob hears of it at ${ms(event(run({ icmp: true }), 'bob', 'tcp:path-narrowed').time)}`,
      `Four timeouts of the same data make him suspicious, at ${s(suspected)}`,
      `goes down to ${formatCount(Number(event(probing, 'bob', 'tcp:segment-size-changed').data['smss']))} bytes`,
    ]
  },
  'syn-flood': () => {
    const run = (knobs: RunSetup['knobs'] = {}): TraceView => runOf('syn-flood', { knobs }).trace
    const full = (trace: TraceView): string => s(event(trace, 'bob', 'tcp:listen-overflowed').time)
    const plain = run()
    const loads = (trace: TraceView): readonly EventRecord[] => trace.all('page:loaded')
    const cookies = run({ cookies: true })
    const during = loads(cookies).filter(({ time }) => time > 6e9 && time < 17e9)
    const ended = event(plain, 'mallory', 'flood:ended').time
    const failures = count(plain, 'alice', 'page:failed')
    assert.equal(new Set([...during, loads(plain)[1]].map(({ data }) => ms(Number(data['duration'])))).size, 1)
    return [
      `It takes her ${ms(Number(loads(plain)[1].data['duration']))}`,
      `At ${full(plain)} the queue is full`,
      `${['No', 'One', 'Two', 'Three', 'Four'][failures]} visits in a row fail`,
      `the flood is over, at ${s(ended)}, and the first page comes at ${s(loads(plain).find(({ time }) => time > ended)?.time ?? 0)}`,
      `A backlog of 256 is full at ${full(run({ backlog: 256 }))} instead. At 300 SYNs a second, at ${full(run({ backlog: 256, rate: 300 }))}`,
      `her pages take ${ms(Number(during[0].data['duration']))}`,
      `${String(count(cookies, 'bob', 'tcp:syn-cookie-accepted'))} of her connections came by a cookie`,
    ]
  },
  'burst-loss': () => {
    const run = (seed: number | undefined, knobs: RunSetup['knobs'] = {}): TraceView =>
      runOf('burst-loss', { ...(seed !== undefined && { seed }), knobs }).trace
    const load = (trace: TraceView, host: string): number => event(trace, host, 'script:read').time
    const toll = (trace: TraceView, host: string): { lost: number; places: number; cuts: number } => {
      const lost = [...trace.frames(({ from }) => trace.hosts[from] === host)].map(({ fate }) => fate !== 'arrived')
      return {
        lost: lost.filter(Boolean).length,
        places: lost.filter((is, index) => is && !lost[index - 1]).length,
        cuts: count(trace, host, 'tcp:fast-retransmit-entered') + count(trace, host, 'tcp:rto-expired'),
      }
    }
    const plain = run(undefined)
    const [ben, dan] = [toll(plain, 'ben'), toll(plain, 'dan')]
    assert.equal(count(plain, 'dan', 'tcp:rto-expired'), 2)
    const seeds = Array.from({ length: 21 }, (_, index) => run(index + 1))
    const [ann, cleo] = ['ann', 'cleo'].map((host) => seeds.map((trace) => load(trace, host)))
    const withoutSack = seeds.map((_, index) => load(run(index + 1, { sack: false }), 'cleo'))
    return [
      `Ann's line takes ${String(ben.lost)} packets, and Cleo's takes ${String(dan.lost)}`,
      `would be there after ${s(load(run(undefined, { loss: 0 }), 'ann'))}. Ann needs ${s(load(plain, 'ann'))}, and Cleo ${s(load(plain, 'cleo'))}`,
      `is done first ${String(cleo.filter((each, index) => each < ann[index]).length)} times`,
      `the median is ${s(median([...ann]))} at random and ${s(median([...cleo]))} in bursts`,
      `Ann's ${String(ben.lost)} packets get lost in ${String(ben.places)} places, and Ben cuts his window ${String(ben.cuts)} times. Cleo's ${String(dan.lost)} get lost in ${String(dan.places)} places, and Dan cuts his ${String(dan.cuts)} times`,
      `rises from ${s(median([...cleo]))} to ${s(median(withoutSack))}`,
      `Cleo waits for ${s(Math.max(...cleo), 0)}`,
      `her slowest download takes ${s(Math.max(...ann))}`,
    ]
  },
  bufferbloat: () => {
    const run = (knobs: RunSetup['knobs'] = {}): TraceView => runOf('bufferbloat', { knobs }).trace
    const load = (trace: TraceView, host: string): number => event(trace, host, 'script:read').time - 1e9
    const pings = (trace: TraceView, host: string): { idle: number; loaded: number[] } => {
      const end = event(trace, host, 'script:read').time
      const replies = trace.all('ping:replied', (each) => trace.hosts[each.host] === host)
      const rtts = replies
        .filter(({ time, data }) => time - Number(data['rtt']) > 1.5e9 && time < end)
        .map(({ data }) => Number(data['rtt']))
      return { idle: Number(replies[3].data['rtt']), loaded: rtts }
    }
    const row = (name: string, trace: TraceView, host: string): string => {
      const { idle, loaded } = pings(trace, host)
      return `| ${name} | ${ms(idle)} | ${ms(median([...loaded]))} | ${ms(Math.max(...loaded))} | ${s(load(trace, host), 2)} |`
    }
    const plain = run()
    const large = run({ buffer: 400 })
    const marked = run({ marks: 'mark' })
    const longer = (trace: TraceView, host: string): string =>
      `${((load(trace, host) / load(trace, 'ann') - 1) * 100).toFixed(0)} %`
    const fates = (trace: TraceView, host: string): string[] =>
      [...trace.frames(({ to, kind }) => trace.hosts[to] === host && kind === 'tcp-data')].map(({ fate }) => fate)
    assert.deepEqual(new Set(fates(large, 'ann')), new Set(['arrived']))
    for (const host of ['ben', 'cleo']) assert.deepEqual(new Set(fates(marked, host)), new Set(['arrived']))
    const rtt = ms(median(pings(run({ buffer: 10 }), 'ann').loaded))
    return [
      row('Ann, plain buffer', plain, 'ann'),
      row('Ben, CoDel', plain, 'ben'),
      row('Cleo, FQ-CoDel', plain, 'cleo'),
      row('Ann, 400 packets', large, 'ann'),
      `it drops ${String(fates(plain, 'ben').filter((fate) => fate === 'codel-drop').length)} of Ben's packets, and his pings are back at ${ms(median(pings(plain, 'ben').loaded))}`,
      `take ${longer(plain, 'ben')} and ${longer(plain, 'cleo')} longer`,
      `shrinks to ${longer(marked, 'ben')} and ${longer(marked, 'cleo')}`,
      `${rtt} under load`,
    ]
  },
  'udp-vs-tcp': () => {
    const run = (setup: RunSetup = {}): TraceView => runOf('udp-vs-tcp', setup).trace
    const trace = run()
    const missed = (trace: TraceView): string => String(count(trace, 'dan', 'stream:frame-missed'))
    const lost = (kind: string): number[] =>
      [...trace.frames((frame) => frame.kind === kind && frame.fate === 'random-loss')].map(({ sent }) => sent)
    assert.equal(count(trace, 'ben', 'stream:frame-missed'), lost('udp').length)
    const late = event(trace, 'dan', 'stream:frame-late')
    const short = run({ interventions: [{ at: 0, link: { name: 'tcp', settings: { delay: 5e6 } } }] })
    return [
      `${String(lost('udp').length)} of 200 are lost`,
      `to vanish leaves at ${s(lost('tcp-data')[0], 2)}`,
      `is sent again at ${s(event(trace, 'cleo', 'tcp:segment-retransmitted').time, 2)}, and at ${s(late.time, 2)}`,
      `its slot passed ${ms(Number(late.data['late']))} ago`,
      `takes ${String(lost('tcp-data').length)} packets as well, and Dan misses ${missed(trace)} slots`,
      `With 250 ms Dan misses ${missed(run({ knobs: { playout: 250e6 } }))} slots instead of ${missed(trace)}`,
      missed(run({ knobs: { playout: 500e6 } })) === '0' ? 'with 500 ms none' : '?',
      `still misses ${missed(short)} slots`,
    ]
  },
  'nagle-and-delayed-ack': () => {
    const run = (knobs: RunSetup['knobs'] = {}): TraceView => runOf('nagle-and-delayed-ack', { knobs }).trace
    const mean = (trace: TraceView): string => {
      const read = trace.all('script:read', ({ data }) => data['bytes'] === 100)
      const sends = trace.all('script:step', ({ data }) => data['do'] === 'send')
      const asked = sends.filter((_, index) => index % (sends.length / read.length) === 0)
      const total = read.reduce((sum, { time }, index) => sum + time - (asked[index]?.time ?? 0), 0) / read.length / 1e6
      return total >= 100 ? `${total.toFixed(0)} ms` : `${total.toFixed(1)} ms`
    }
    const keys = (nagle: boolean): number =>
      [...run({ writes: 'keys', nagle }).frames(({ kind, from }) => kind === 'tcp-data' && from === 0)].length
    return [
      `The eight exchanges take ${mean(run())} each`,
      `With 200 ms to wait they would take ${mean(run({ wait: 200e6 }))}`,
      `nothing | ${mean(run())} |`,
      `at once | ${mean(run({ delayed: false }))} |`,
      `Nagle's algorithm | ${mean(run({ nagle: false }))} |`,
      `as a whole | ${mean(run({ writes: 'whole' }))} |`,
      `the rule ${String(keys(true))} segments carry them all`,
      `there are ${String(keys(false))}.`,
    ]
  },
  'http1-page': () => {
    const load = (knobs: RunSetup['knobs'] = {}, seed?: number): number => {
      const { trace } = runOf('http1-page', { knobs, ...(seed !== undefined && { seed }) })
      return Number(event(trace, 'browser', 'page:loaded').data['duration'])
    }
    const typical = (way: string, loss: number): string =>
      ms(median(Array.from({ length: 100 }, (_, index) => load({ way, loss }, index + 1))))
    const six = runOf('http1-page', { knobs: { way: 'six', slow: 500e6 } }).trace
    const images = six.all('http:response-received').slice(0, -1)
    return [
      ...['closed', 'kept', 'six', 'pipeline'].map((way) => ` ${ms(load({ way }))} |`),
      `the pipeline takes ${ms(load({ way: 'pipeline', slow: 500e6 }))}`,
      `the last image is there at ${ms(images.at(-1)?.time ?? 0)}`,
      `one connection takes ${s(load({ delay: 150e6 }))}, six take ${s(load({ way: 'six', delay: 150e6 }))}`,
      `${typical('kept', 0.05)} for the kept connection, ${typical('six', 0.05)} for six, ${typical('pipeline', 0.05)} for the pipeline`,
    ]
  },
  'ipv4-and-ipv6': () => {
    const run = (knobs: RunSetup['knobs'] = {}): TraceView => runOf('ipv4-and-ipv6', { knobs }).trace
    const trace = run()
    const pages = trace.all('page:loaded').map(({ data }) => Number(data['duration']))
    const received = (from: number, to: number): number[] =>
      [...trace.frames((frame) => trace.hosts[frame.to] === 'browser' && frame.enqueued >= from && frame.enqueued < to)].map(
        ({ length }) => length,
      )
    const [over4, over6] = [received(0, 600e6), received(600e6, 1200e6)]
    const sum = (lengths: readonly number[]): string => formatCount(lengths.reduce((all, length) => all + length, 0))
    const sent = (kind: string) => [...trace.frames((frame) => frame.kind === kind && trace.hosts[frame.from] === 'browser')]
    const waits = (['arp', 'ndp'] as const).map(
      (kind) => event(trace, 'browser', `${kind}:resolved`).time - sent(kind)[0].enqueued,
    )
    const loaded = (path: string, eyeballs: boolean): number =>
      Number(event(run({ path, eyeballs }), 'browser', 'page:loaded').data['duration'])
    const silent = run({ path: 'silent', eyeballs: false })
    const syns = [...silent.frames(({ kind, from }) => kind === 'tcp-syn' && silent.hosts[from] === 'browser')].map(
      ({ enqueued }) => Math.round(enqueued / 1e9),
    )
    assert.equal(loaded('cut', true), loaded('silent', true))
    assert.equal(ms(waits[0]), ms(waits[1]))
    return [
      `the first SYN | ${String(sent('tcp-syn')[0].length)} bytes | ${String(sent('tcp-syn')[1].length)} bytes |`,
      `frames for the browser | ${String(over4.length)} | ${String(over6.length)} |`,
      `bytes in these | ${sum(over4)} | ${sum(over6)} |`,
      `until everything is there | ${ms(pages[0], 1)} | ${ms(pages[1], 1)} |`,
      `a frame of ${String(sent('arp')[0].length)} bytes`,
      `${String(sent('ndp')[0].length)} bytes of ICMPv6`,
      `the first packet waits ${ms(waits[0])} for it`,
      `The page is there after ${ms(loaded('silent', true), 1)}`,
      `at ${syns.slice(1, 6).join(', ')} and ${String(syns[6])} s, and gives up at ${String(syns[7])} s`,
      `the page is there after ${s(loaded('silent', false))}`,
      `after ${s(event(run({ path: 'cut', eyeballs: false }), 'six', 'icmpv6:sent').time)} it reports`,
      `the page is there after ${s(loaded('cut', false))}`,
    ]
  },
}

/** Addresses of share links in an article. */
function shareLinks(text: string): string[] {
  return [...text.matchAll(/href="(#[^"]*)"/g)].map(([, address = '']) => address.replaceAll('&amp;', '&'))
}

for (const [id, { title, summary }] of Object.entries(scenarios)) {
  describe(id, () => {
    const text = articleOf(id)

    test('the list says what the scenario says of itself', () => {
      const source = sourceOf(id)
      assert.deepEqual([source.id, source.title, source.summary], [id, title, summary])
    })

    test('its article is short, and names its sources', () => {
      const words = text.split(/\s+/).length
      assert.ok(words >= 250 && words <= 600, `${String(words)} words`)
      assert.match(text, /rfc-editor\.org\/rfc\/rfc\d+/)
    })

    test('what the article says that it measured is what comes out', () => {
      // Lines are wrapped, and tables set.
      const plain = text.replace(/\s+/g, ' ')
      for (const figure of FIGURES[id]?.() ?? ['?']) assert.ok(plain.includes(figure), figure)
    })

    test('the runs that it links to are valid', () => {
      for (const address of shareLinks(text)) {
        const shared = decodeShareLink(address)
        assert.ok(shared, address)
        assert.deepEqual(shared.scenario, { id })
        const resolved = resolveScenario(sourceOf(id), {
          knobs: shared.knobs,
          ...(shared.seed !== undefined && { seed: shared.seed }),
        })
        assert.ok(parseInterventions(shared.log, resolved))
      }
    })

    test('its lesson has 4 to 7 short steps, some of which wait for something', () => {
      const lesson = sourceOf(id).lesson ?? []
      assert.ok(lesson.length >= 4 && lesson.length <= 7, `${String(lesson.length)} steps`)
      assert.ok(
        lesson.every((step) => step.text.length < 400),
        'each is short',
      )
      assert.ok(lesson.filter(({ until }) => until !== undefined).length >= 2, 'two wait for something')
    })
  })
}

test('what a lesson waits for happens in the scenario, or in one of its variants', () => {
  const variants: Readonly<Record<string, readonly RunSetup[]>> = {
    'tcp-handshake': [{ knobs: { trouble: 'three-syns' } }, { knobs: { trouble: 'refused' } }],
    'subnets-and-cidr': [{ knobs: { alice: 24 } }],
    'tcp-close': [{ knobs: { ending: 'last-ack' } }, { knobs: { ending: 'reset' } }],
    'tcp-head-of-line': [{ knobs: { loss: 0.05 } }, { knobs: { loss: 0.1 } }],
    'mtu-black-hole': [{ knobs: { icmp: true } }, { knobs: { probing: 'on-black-hole' } }],
    'syn-flood': [{ knobs: { cookies: true } }],
  }
  for (const id of Object.keys(scenarios)) {
    const names = new Set([{}, ...(variants[id] ?? [])].flatMap((setup) => runOf(id, setup).trace.events.map(({ name }) => name)))
    const end = runOf(id).trace.events.at(-1)?.time ?? 0
    for (const { until } of resolveScenario(sourceOf(id)).lesson) {
      if (until !== undefined && 'event' in until) assert.ok(names.has(until.event), `${id}: ${until.event}`)
      if (until !== undefined && 'time' in until) assert.ok(until.time <= end, `${id}: ${String(until.time)}`)
    }
  }
})
