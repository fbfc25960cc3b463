import { defineScenario } from '../../src/scenario/define.ts'

export default defineScenario({
  id: 'tcp-handshake',
  title: 'The handshake',
  summary: 'x.',
  seed: 1,
  duration: '60 s',
  speed: 0.1,
  hosts: {
    alice: {
      label: 'Alice',
      position: { x: 0, y: 0.5 },
      app: 'socket-script',
      connect: 'bob:80',
      steps: [
        { do: 'sleep', for: '2 s' },
        { do: 'send', bytes: '200 B' },
        { do: 'read', bytes: '1 kB' },
        { do: 'sleep', for: '2 s' },
        { do: 'send', bytes: '200 B' },
        { do: 'read', bytes: '1 kB' },
        'close',
        'wait-closed',
      ],
      tcp: { timeWait: '1 s' },
    },
    bob: {
      label: 'Bob',
      position: { x: 1, y: 0.5 },
      app: 'socket-script',
      listen: 80,
      steps: [
        { do: 'read', bytes: '200 B' },
        { do: 'send', bytes: '1 kB' },
        { do: 'read', bytes: '200 B' },
        { do: 'send', bytes: '1 kB' },
        'read-to-end',
        'close',
        'wait-closed',
      ],
    },
  },
  links: [{ between: ['alice', 'bob'], rate: '10 Mbit/s', delay: '100 ms' }],
  knobs: {
    trouble: {
      label: 'What goes wrong',
      choices: [
        { value: 'nothing', label: 'Nothing' },
        { value: 'syn', label: 'The SYN is lost', sets: { 'links[0].forward.lossList': [2] } },
        { value: 'syn-3', label: 'Three SYNs are lost', sets: { 'links[0].forward.lossList': [2, 3, 4] } },
        { value: 'syn-ack', label: 'The SYN-ACK is lost', sets: { 'links[0].backward.lossList': [2] } },
        { value: 'ack', label: 'The last ACK is lost: half open', sets: { 'links[0].forward.lossList': [3] } },
        { value: 'refused', label: 'Nobody listens', sets: { 'hosts.bob.listen': 81 } },
      ],
    },
  },
})
