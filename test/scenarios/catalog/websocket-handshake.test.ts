import { runOf, type RunSetup } from '../catalog-runs.ts'
import { event, isOf, knobs, ms, withData } from '../expectations.ts'
import { testScenario } from '../scenario-tests.ts'
import type { FrameRecord, TraceView } from '../../../src/trace/record.ts'

/** Segments with text that a host sent, on connections that carry a WebSocket. */
function segments(trace: TraceView, host: string): FrameRecord[] {
  const index = trace.hosts.indexOf(host)
  const { connection } = event(trace, 'ann', 'websocket:opened')
  return [...trace.frames((each) => each.from === index && each.payload > 0 && trace.connections[each.connection] === connection)]
}

/** How long the segment was that brought what is told of. */
const broughtBy = (trace: TraceView, cause: number): number => trace.frameById(cause)?.payload ?? Number.NaN

testScenario('websocket-handshake', {
  variants: knobs(
    { secure: 'yes' },
    { compression: true },
    { compression: true, secure: 'yes' },
    { size: 1 },
    { size: 1000 },
    { size: 1000, compression: true },
    { loss: 0.05 },
    { loss: 0.1, secure: 'yes' },
    { loss: 0.1, compression: true },
  ),
  contradictions: [
    // As if she had it with the answer to her SYN.
    [
      {},
      {
        event: (each, trace) =>
          isOf(each, trace, 'ann', 'websocket:opened')
            ? { ...each, cause: event(trace, 'ann', 'tcp:state-changed', 0, ({ data }) => data['to'] === 'ESTABLISHED').cause }
            : each,
      },
    ],
    // As if her frames had no masking key.
    [{}, { frame: (each) => (each.payload === 111 ? { ...each, payload: 107 } : each) }],
    [
      {},
      { event: (each) => (each.data['target'] === '/say' ? withData(each, { bytes: Number(each.data['bytes']) + 60 }) : each) },
    ],
    [{}, { event: (each, trace) => (isOf(each, trace, 'ann', 'websocket:closed') ? withData(each, { clean: false }) : each) }],
    [
      { knobs: { compression: true } },
      { frame: (each) => (each.payload > 10 && each.payload < 25 ? { ...each, payload: 105 } : each) },
    ],
  ],
  figures: () => {
    const run = (values: RunSetup['knobs'] = {}): TraceView => runOf('websocket-handshake', { knobs: values }).trace
    const plain = run()
    const opened = (trace: TraceView): string => ms(event(trace, 'ann', 'websocket:opened').time)
    const [ann, chat] = [segments(plain, 'ann'), segments(plain, 'chat')]
    const ping = chat.findIndex(({ payload }) => payload === 2)
    const pong = ann.find(({ payload }) => payload === 6)
    const up = event(plain, 'chat', 'websocket:message-received', -1)
    const down = event(plain, 'ann', 'websocket:message-received', -1, ({ data }) => Number(data['length']) > 100)
    const post = event(plain, 'chat', 'http:request-received', -1)
    const answer = event(plain, 'chat', 'http:response-sent', -1)
    const acknowledged = event(plain, 'ben', 'chat:acknowledged', -1)
    const compressed = run({ compression: true })
    const deflated = (nth: number): string => {
      const { data, cause } = event(compressed, 'chat', 'websocket:message-received', nth)
      return `${String(data['length'])} ${String(broughtBy(compressed, cause))}`
    }
    const [first, last] = [deflated(1).split(' '), deflated(-1).split(' ')]
    return [
      `a GET of ${String(ann[0]?.payload)} bytes`,
      `in ${String(chat[0]?.payload)} bytes, and with a hash`,
      `her WebSocket is open at ${opened(plain)}`,
      `it is open at ${opened(run({ secure: 'yes' }))}`,
      `A message of ${String(up.data['length'])} bytes takes ${String(broughtBy(plain, up.cause))} from her, one of ${String(down.data['length'])} takes ${String(broughtBy(plain, down.cause))} from the server`,
      `Around his ${String(post.data['bytes'])} bytes there are ${String(broughtBy(plain, post.cause) - Number(post.data['bytes']))} of HTTP`,
      `another ${String(broughtBy(plain, acknowledged.cause) - Number(answer.data['bytes']))}.`,
      `a **Ping**, ${ping < 0 ? 'none' : '2'} bytes. Ann's end answers with a **Pong**, ${String(pong?.payload)} bytes`,
      `Ann's first text of ${first[0] ?? ''} bytes takes ${first[1] ?? ''}`,
      `takes ${last[1] ?? ''}. The dictionary`,
    ]
  },
  ways: knobs({ secure: 'yes' }, { compression: true }, { compression: true, secure: 'yes' }, { loss: 0.1, secure: 'yes' }),
  passesOnWrongFrames: true,
})
