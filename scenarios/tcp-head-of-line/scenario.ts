import { defineScenario } from '../../src/scenario/define.ts'

export default defineScenario({
  id: 'tcp-head-of-line',
  title: 'One lost segment',
  summary: 'x.',
  seed: 1,
  duration: '30 s',
  speed: 0.02,
  hosts: {
    alice: {
      label: 'Alice',
      position: { x: 0, y: 0.5 },
      app: 'browser',
      visits: 'http://bob/film.webp',
      tcp: { timeWait: '200 ms' },
    },
    bob: {
      label: 'Bob',
      position: { x: 1, y: 0.5 },
      app: 'web-server',
      serves: { '/film.webp': '100 kB' }, tcp: { initialSsthresh: '20 kB' },
    },
  },
  links: [{ between: ['alice', 'bob'], rate: '2 Mbit/s', delay: '50 ms' }],
  knobs: {
    loss: { label: 'Packet loss', range: ['0 %', '10 %'], sets: 'links[0].loss' },
    sack: { label: 'Selective acknowledgments', sets: ['hosts.alice.tcp.sack'] },
  },
})
