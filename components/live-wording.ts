import { quantity, text, type Data } from './event-data.ts'

/** `', words'`, or nothing. */
function also(data: Data, key: string, before = ''): string {
  return data[key] === undefined || data[key] === '' ? '' : `, ${before}${text(data, key)}`
}

/** `'1 client'`, `'2 clients'`. */
function counted(data: Data, key: string, noun: string): string {
  return `${quantity(data, key, 'count')} ${noun}${data[key] === 1 ? '' : 's'}`
}

const again = (data: Data): string => (data['again'] === true ? ' once more' : '')

function clientState(data: Data): string {
  const because = also(data, 'why')
  switch (data['state']) {
    case 'idle':
      return `Is idle${because}`
    case 'connecting':
      return `Connects${data['attempt'] === undefined ? '' : `, attempt ${text(data, 'attempt')}`}`
    case 'connected':
      return `Is connected${also(data, 'server', 'to ')}${data['resumed'] === true ? ', and goes on with its session' : ''}${data['took'] === undefined ? '' : `, after ${quantity(data, 'took', 'time')}`}`
    case 'backing-off':
      return data['wait'] === 0
        ? `Tries again at once${because}`
        : `Waits ${quantity(data, 'wait', 'time')} before it tries again${because}`
    case 'gone':
      return `Is gone${because}`
    default:
      return `Is ${text(data, 'state')}${because}`
  }
}

const BACKEND_STATES: Readonly<Record<string, string>> = {
  up: 'is up',
  down: 'is down',
  draining: 'gets nothing new',
  ejected: 'is left alone for a while',
  'slow-start': 'is back, and begins slowly',
}

const CIRCUITS: Readonly<Record<string, string>> = {
  open: 'the circuit is open, nothing is asked of it',
  'half-open': 'the circuit is half-open, one request at a time may find out',
  closed: 'the circuit is closed, it is asked as usual',
}

function requestEnded(data: Data): string {
  const outcome = data['status'] === 0 ? `no answer${also(data, 'error')}` : `status ${text(data, 'status')}`
  const attempts = data['attempts'] === 1 ? '' : `, ${quantity(data, 'attempts', 'count')} attempts`
  return `Request ${text(data, 'id')}: ${outcome} after ${quantity(data, 'duration', 'time')}${attempts}${also(data, 'server', 'by ')}`
}

function loadSampled(data: Data): string {
  const { processor } = data
  const busy = typeof processor === 'number' ? `${String(Math.round(100 * processor))} %` : text(data, 'processor')
  const queues = [
    counted(data, 'acceptQueue', 'connection') + ' to be accepted',
    `${quantity(data, 'synQueue', 'count')} half open`,
  ]
  return `Processor ${busy}, ${quantity(data, 'memory', 'bytes')} of memory, ${counted(data, 'connections', 'connection')}, ${queues.join(', ')}`
}

/** What events of real-time applications, of balancers, of the bus and of busy machines say. */
export const LIVE_EVENTS: Readonly<Record<string, (data: Data) => string>> = {
  'client:state-changed': clientState,
  'client:heartbeat-missed': (data) => `The server was silent for ${quantity(data, 'silence', 'time')}: it is given up`,
  'client:message-malformed': (data) => `Does not understand a message: ${text(data, 'why')}`,
  'chat:sent': (data) => `Says ${text(data, 'key')}${again(data)}`,
  'chat:said': (data) => `Tells ${text(data, 'room')} message ${text(data, 'id')}, ${text(data, 'key')}`,
  'chat:acknowledged': (data) => `${text(data, 'key')} was said, as message ${text(data, 'id')}`,
  'chat:refused': (data) => `${text(data, 'key')} is not said: ${text(data, 'why')}`,
  'chat:heard': (data) => `Hears message ${text(data, 'id')}, ${quantity(data, 'delay', 'time')} after it was said`,
  'news:published': (data) =>
    `Publishes news ${text(data, 'id')} to ${counted(data, 'members', 'member')} of ${text(data, 'room')}`,
  'news:received': (data) => `Has news ${text(data, 'id')}, ${quantity(data, 'delay', 'time')} after it was published`,
  'live:joined': (data) =>
    `Somebody joins ${text(data, 'room')}${data['resumed'] === true ? ' again' : ''}, and has missed ${counted(data, 'missed', 'message')}`,
  'live:connection-refused': (data) => `Sends a client away, by ${text(data, 'by')}: ${text(data, 'why')}`,
  'live:slow-reader-dropped': (data) => `Drops a client that does not read: ${quantity(data, 'waiting', 'bytes')} wait for it`,
  'live:bus-failed': (data) => `The bus failed for ${text(data, 'room')}: ${text(data, 'detail')}`,
  'live:drain-started': (data) => `Tells ${counted(data, 'connections', 'client')} to go`,
  'live:drained': (data) => `Everybody has gone, after ${quantity(data, 'took', 'time')}`,
  'sse:opened': (data) =>
    `The stream of events of ${text(data, 'room')} is open${data['last'] === 0 ? '' : `, after event ${text(data, 'last')}`}`,
  'sse:event-received': (data) => `Receives event ${text(data, 'id')}, ${quantity(data, 'length', 'bytes')}`,
  'sse:closed': (data) => `The stream of events is over: ${text(data, 'why')}`,
  'poll:answered': (data) =>
    `Answers a poll with ${counted(data, 'messages', 'message')}, ${quantity(data, 'bytes', 'bytes')}, after ${quantity(data, 'waited', 'time')}`,
  'balancer:started': (data) => `Balances what comes to ${text(data, 'virtual')}, by ${text(data, 'mode')}`,
  'balancer:picked': (data) =>
    `Chooses ${text(data, 'backend')}${also(data, 'strategy', 'by ')}${data['target'] === undefined ? '' : `, for ${text(data, 'method')} ${text(data, 'target')}`}`,
  'balancer:answered': (data) =>
    `${text(data, 'backend')} answered ${text(data, 'status')} after ${quantity(data, 'duration', 'time')}`,
  'balancer:failed': (data) => `${text(data, 'backend')} failed, ${text(data, 'why')}: ${text(data, 'detail')}`,
  'balancer:retried': (data) => `Asks another server than ${text(data, 'backend')}: ${text(data, 'why')}`,
  'balancer:retry-withheld': () => 'Does not try again: the budget for retries is spent',
  'balancer:refused': (data) => `Refuses${also(data, 'status', 'with ')}: ${text(data, 'why')}`,
  'balancer:backend-changed': (data) => `${text(data, 'backend')} ${BACKEND_STATES[text(data, 'state')] ?? text(data, 'state')}`,
  'balancer:backend-drained': (data) => `${text(data, 'backend')} has nothing left to do`,
  'balancer:check-failed': (data) => `${text(data, 'backend')} failed a check`,
  'balancer:circuit-changed': (data) => `${text(data, 'backend')}: ${CIRCUITS[text(data, 'state')] ?? text(data, 'state')}`,
  'balancer:ring-built': () => 'Lays out the ring anew',
  'balancer:adopted': (data) => `Takes up a connection that was begun elsewhere${also(data, 'backend', 'for ')}`,
  'balancer:connection-expired': (data) => `Forgets a connection${also(data, 'state', 'in state ')}`,
  'balancer:connection-reset': (data) => `Resets a connection to ${text(data, 'backend')}: ${text(data, 'why')}`,
  'balancer:tunnel-opened': (data) => `Carries ${text(data, 'protocol')} to ${text(data, 'backend')}`,
  'balancer:tunnel-closed': (data) =>
    `Has carried ${quantity(data, 'up', 'bytes')} to ${text(data, 'backend')}, and ${quantity(data, 'down', 'bytes')} back`,
  'vrrp:state-changed': (data) =>
    `Virtual router ${text(data, 'vrid')}: ${text(data, 'previous')} → ${text(data, 'state')}${also(data, 'why')}`,
  'vrrp:discarded': (data) => `Throws away an advertisement from ${text(data, 'from')}: ${text(data, 'why')}`,
  'vrrp:mismatched': (data) =>
    `${text(data, 'from')} shares other addresses under number ${text(data, 'vrid')}: ${text(data, 'addresses')}`,
  'bus:connected': () => 'Is connected to the bus',
  'bus:disconnected': (data) => `Has lost the bus: ${text(data, 'detail')}`,
  'redis:started': () => 'The bus is there',
  'redis:client-connected': (data) =>
    `Client ${text(data, 'client')} of the bus comes; ${counted(data, 'clients', 'client')} are there`,
  'redis:client-introduced': (data) =>
    `Client ${text(data, 'client')} is ${text(data, 'name')}, and speaks RESP${text(data, 'protocol')}`,
  'redis:client-disconnected': (data) => `Client ${text(data, 'client')} of the bus goes: ${text(data, 'why')}`,
  'redis:client-refused': (data) => `Takes no more clients: ${counted(data, 'clients', 'client')} are there`,
  'redis:command-refused': (data) => `Refuses ${text(data, 'command')}: ${text(data, 'error')}`,
  'redis:published': (data) =>
    `Passes ${quantity(data, 'length', 'bytes')} on ${text(data, 'channel')} to ${counted(data, 'receivers', 'subscriber')}`,
  'redis:output-limit-exceeded': (data) =>
    `Throws out client ${text(data, 'client')}, which does not read: ${quantity(data, 'waiting', 'bytes')} wait for it`,
  'redis:log-written': (data) => `Writes ${quantity(data, 'bytes', 'bytes')} to the log on its disk`,
  'redis:log-replayed': (data) => `Has its data again: ${counted(data, 'commands', 'command')} of the log`,
  'redis:log-rewritten': (data) =>
    `Rewrites the log: ${quantity(data, 'after', 'bytes')} in the place of ${quantity(data, 'before', 'bytes')}`,
  'request:retried': (data) => `Tries request ${text(data, 'id')} again, retry ${text(data, 'attempt')}`,
  'request:ended': requestEnded,
  'host:load-sampled': loadSampled,
  'host:crashed': (data) =>
    `Crashes: ${text(data, 'why')}${data['restartAfter'] === 0 ? '' : `, and starts again after ${quantity(data, 'restartAfter', 'time')}`}`,
  'host:recovered': () => 'Starts again',
  'host:descriptors-exhausted': (data) => `Cannot open anything: ${text(data, 'limit')} files are open, which is the limit`,
}
