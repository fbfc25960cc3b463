import { defineScenario } from '../../src/scenario/define.ts'

const voice = { interval: '20 ms', size: '160 B' } as const
export default defineScenario({
  id: 'udp-vs-tcp',
  title: 'Voice',
  summary: 'x.',
  seed: 1,
  duration: '30 s',
  speed: 0.05,
  hosts: {
    ann: { label: 'Ann, UDP', position: { x: 0, y: 0.1 }, app: 'stream-sender', to: 'ben', transport: 'udp', count: 150, start: '100 ms', ...voice },
    ben: { label: 'Ben, UDP', position: { x: 1, y: 0.1 }, app: 'stream-receiver', transport: 'udp', playout: '60 ms', ...voice },
    cleo: { label: 'Cleo, TCP', position: { x: 0, y: 0.9 }, app: 'stream-sender', to: 'dan', transport: 'tcp', count: 150, start: '100 ms', ...voice },
    dan: { label: 'Dan, TCP', position: { x: 1, y: 0.9 }, app: 'stream-receiver', transport: 'tcp', playout: '60 ms', ...voice, tcp: {timeWait: '200 ms'} },
  },
  links: [
    { between: ['ann', 'ben'], name: 'udp', rate: '2 Mbit/s', delay: '50 ms', loss: '3 %' },
    { between: ['cleo', 'dan'], name: 'tcp', rate: '2 Mbit/s', delay: '50 ms', loss: '3 %' },
  ],
  knobs: {
    loss: { label: 'Packet loss', range: ['0 %', '10 %'], sets: ['links.udp.loss', 'links.tcp.loss'] },
  },
})
