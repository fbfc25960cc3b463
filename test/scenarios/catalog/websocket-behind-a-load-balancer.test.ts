import { runOf, type RunSetup } from '../catalog-runs.ts'
import { count, knobs, withData } from '../expectations.ts'
import { testScenario } from '../scenario-tests.ts'
import type { EventRecord, TraceView } from '../../../src/trace/record.ts'

const ID = 'websocket-behind-a-load-balancer'
const CRASH = 20e9
const BACK = 24e9

const of = (trace: TraceView, host: string, name: string): EventRecord[] =>
  trace.all(name, (event) => trace.hosts[event.host] === host)

/** A desktop's WebSocket to the first server that was opened before the crash. */
function desktop(trace: TraceView): string {
  const own = new Set(of(trace, 'desks', 'websocket:opened').map(({ connection }) => connection))
  const [opened] = of(trace, 'balancer', 'balancer:tunnel-opened').filter(
    ({ connection, data }) => own.has(connection) && data['backend'] === 'w1',
  )
  return opened?.connection ?? ''
}

/** Desktops at each server in the end. */
function inTheEnd(trace: TraceView): number[] {
  const own = new Set(of(trace, 'desks', 'websocket:opened').map(({ connection }) => connection))
  for (const { connection } of of(trace, 'balancer', 'balancer:tunnel-closed')) own.delete(connection)
  const open = of(trace, 'balancer', 'balancer:tunnel-opened').filter(({ connection }) => own.has(connection))
  return ['w1', 'w2', 'w3'].map((name) => open.filter(({ data }) => data['backend'] === name).length)
}

/** Messages of the office that were acknowledged early enough, and how many of them came back. */
function echoes(trace: TraceView): [heard: number, said: number] {
  const key = ({ member, data }: EventRecord): string => `${String(member)} ${String(data['id'])}`
  const heard = new Set(of(trace, 'office', 'chat:heard').map(key))
  const said = of(trace, 'office', 'chat:acknowledged').filter(({ time }) => time < CRASH - 3e9)
  return [said.filter((event) => heard.has(key(event))).length, said.length]
}

/** How often a server was chosen for a WebSocket, the first time. */
const choices = (trace: TraceView): number =>
  of(trace, 'balancer', 'balancer:picked').filter(({ data }) => data['attempt'] === 1 && data['target'] === '/live').length

const resumed = (trace: TraceView): number => trace.all('live:joined', ({ data }) => data['resumed'] === true).length
const strangers = (trace: TraceView): number => trace.all('live:joined', ({ data }) => data['resumed'] === false).length - 32

testScenario(ID, {
  variants: knobs(
    { sticky: 'cookie' },
    { sticky: 'address' },
    { strategy: 'least-connections' },
    { heartbeat: 'often', sticky: 'cookie' },
    { drain: true },
    { strategy: 'least-connections', sticky: 'cookie', drain: true },
  ),
  contradictions: [
    [{}, { event: (each) => (each.data['target'] === '/live' ? withData(each, { target: '/poll?room=x' }) : each) }],
    [
      { knobs: { sticky: 'cookie' } },
      { event: (each) => (each.name === 'chat:heard' && each.time < CRASH / 2 ? undefined : each) },
    ],
    [{}, { event: (each) => (each.data['resumed'] === true ? withData(each, { resumed: false }) : each) }],
    [
      {},
      {
        // As if somebody had moved.
        event: (each, trace) =>
          each.name === 'chat:sent' && each.time > BACK
            ? {
                ...each,
                name: 'balancer:tunnel-closed',
                host: trace.hosts.indexOf('balancer'),
                connection: desktop(trace),
                data: { backend: 'w1', up: 1000, down: 1000, isSilent: false },
              }
            : each,
      },
    ],
    [{}, { event: (each) => (each.data['isSilent'] === true ? withData(each, { up: 1000 }) : each) }],
  ],
  figures: () => {
    const run = (values: RunSetup['knobs'] = {}): TraceView => runOf(ID, { knobs: values }).trace
    const [plain, cookie, address] = [run(), run({ sticky: 'cookie' }), run({ sticky: 'address' })]
    const row = (name: string, trace: TraceView): string => `| ${name} | ${echoes(trace).join('/')} | ${String(resumed(trace))} |`
    const there = of(plain, 'desks', 'websocket:opened').filter(({ time }) => time < BACK)
    const moved = new Set(there.map(({ member }) => member)).size
    const ofOffice = of(address, 'balancer', 'balancer:picked').filter(
      ({ time, data }) => time < CRASH && data['target'] !== '/live',
    )
    const [end, fewest] = [plain, run({ strategy: 'least-connections' })].map(inTheEnd)
    return [
      `${String(count(plain, 'balancer', 'balancer:tunnel-opened'))} WebSockets take ${String(choices(plain))} choices`,
      `Of ${String(echoes(plain)[1])} messages that were acknowledged before the crash, only ${String(echoes(plain)[0])} came back`,
      `${String(resumed(plain))} sessions went on; ${String(strangers(plain))} times somebody was a stranger`,
      row('any server', plain),
      row('by cookie ', cookie),
      row('by address', address),
      `all of its ${new Set(ofOffice.map(({ data }) => data['backend'])).size === 1 ? String(ofOffice.length) : 'no'} questions go to the same server`,
      `${String(moved)} desktops are connected to the others`,
      `the servers have ${end.slice(0, 2).join(', ')} and ${String(end[2])} desktops`,
      `it is ${fewest.slice(0, 2).join(', ')} and ${String(fewest[2])}: newcomers repair it`,
    ].map((text) => text.replace(/\s+/g, ' '))
  },
  ways: knobs({ sticky: 'cookie' }, { sticky: 'address', strategy: 'least-connections' }, { heartbeat: 'often', drain: true }),
  passesOnWrongFrames: true,
})
