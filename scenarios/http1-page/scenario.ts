import { defineScenario } from '../../src/scenario/define.ts'

const images = ['/1.webp', '/2.webp', '/3.webp', '/4.webp', '/5.webp', '/6.webp', '/7.webp', '/8.webp']
export default defineScenario({
  id: 'http1-page',
  title: 'A page',
  summary: 'x.',
  seed: 1,
  duration: '30 s',
  speed: 0.05,
  hosts: {
    alice: { label: 'Browser', position: { x: 0, y: 0.5 }, app: 'browser', visits: 'http://bob/', connections: 1 },
    bob: {
      label: 'Server', position: { x: 1, y: 0.5 }, app: 'web-server', delay: '5 ms',
      serves: {
        '/': { size: '4 kB', resources: ['/style.css', '/app.js', ...images] },
        '/style.css': '6 kB',
        '/app.js': { size: '8 kB', delay: '120 ms'},
        ...Object.fromEntries(images.map((image) => [image, '6 kB'])),
      },
    },
  },
  links: [
    { between: ['alice', 'bob'], rate: '5 Mbit/s', delay: '40 ms' },
  ],
  knobs: {
    how: { label: 'How', choices: [
      { value: 'one', label: 'One connection, kept'},
      { value: 'close', label: 'New connection each', sets: { 'hosts.alice.keepAlive': false } },
      { value: 'six', label: 'Six connections', sets: { 'hosts.alice.connections': 6 } },
      { value: 'pipe', label: 'One, pipelining', sets: { 'hosts.alice.pipelining': true } },
      ] },
  },
})
