import { defineScenario } from '../../src/scenario/define.ts'

export default defineScenario({
  id: 'hello-network',
  title: 'Hello, network',
  summary: 'Ping.',
  seed: 1,
  duration: '6 s',
  speed: 0.02,
  hosts: {
    alice: {
      label: 'Alice',
      position: { x: 0, y: 0.15 },
      apps: [
        { app: 'ping', to: 'bob', count: 3, interval: '150 ms' },
        { app: 'ping', to: 'bob', traceroute: true, start: '700 ms' },
      ],
    },
    carol: { label: 'Carol', position: { x: 0, y: 0.85 } },
    switch: { kind: 'switch', label: 'Switch', position: { x: 0.33, y: 0.5 } },
    router: { kind: 'router', label: 'Router', position: { x: 0.67, y: 0.5 } },
    bob: { label: 'Bob', position: { x: 1, y: 0.5 } },
  },
  links: [
    { between: ['alice', 'switch'], rate: '10 Mbit/s', delay: '10 ms' },
    { between: ['carol', 'switch'], rate: '10 Mbit/s', delay: '10 ms' },
    { between: ['switch', 'router'], rate: '10 Mbit/s', delay: '10 ms' },
    { between: ['router', 'bob'], rate: '10 Mbit/s', delay: '20 ms' },
  ],
})
