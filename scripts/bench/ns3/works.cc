// The works of scripts/bench/works.ts for ns-3: the same networks, the same bytes, written as ns-3 likes it best. No queue disciplines but
// the devices' own drop-tail queues, no PCAP, and a routing protocol that looks up one hash table.
//
//     works bulk|udp|storm|reconnecting [clients] [checksums] [end of a crowd's time, as 3s]
//
// Prints {"seconds": wall seconds of Simulator::Run, "processorSeconds": …, "hops": packets received on a link}; counting costs one
// increment a packet.
#include "ns3/core-module.h"
#include "ns3/internet-module.h"
#include "ns3/network-module.h"
#include "ns3/point-to-point-module.h"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <unordered_map>
#include <unordered_set>
#include <vector>

using namespace ns3;

namespace
{

uint64_t hops = 0;

void CountHop(Ptr<const Packet>)
{
    hops++;
}

/** Routes by exact destination, and one for all the rest. */
class TableRouting : public Ipv4RoutingProtocol
{
  public:
    static TypeId GetTypeId()
    {
        static TypeId id = TypeId("packetarium::TableRouting").SetParent<Ipv4RoutingProtocol>().AddConstructor<TableRouting>();
        return id;
    }

    Ptr<Ipv4Route> RouteOutput(Ptr<Packet>, const Ipv4Header& header, Ptr<NetDevice>, Socket::SocketErrno& error) override
    {
        Ptr<Ipv4Route> route = RouteTo(header.GetDestination());
        error = route ? Socket::ERROR_NOTERROR : Socket::ERROR_NOROUTETOHOST;
        return route;
    }

    bool RouteInput(Ptr<const Packet> packet,
                    const Ipv4Header& header,
                    Ptr<const NetDevice> device,
                    UnicastForwardCallback forward,
                    MulticastForwardCallback,
                    LocalDeliverCallback deliver,
                    ErrorCallback error) override
    {
        if (own.count(header.GetDestination().Get()) > 0)
        {
            deliver(packet, header, ipv4->GetInterfaceForDevice(device));
            return true;
        }
        Ptr<Ipv4Route> route = RouteTo(header.GetDestination());
        if (!route)
        {
            error(packet, header, Socket::ERROR_NOROUTETOHOST);
            return false;
        }
        forward(route, packet, header);
        return true;
    }

    void SetIpv4(Ptr<Ipv4> stack) override
    {
        ipv4 = stack;
    }
    void NotifyInterfaceUp(uint32_t) override {}
    void NotifyInterfaceDown(uint32_t) override {}
    void NotifyAddAddress(uint32_t, Ipv4InterfaceAddress address) override
    {
        own.insert(address.GetLocal().Get());
    }
    void NotifyRemoveAddress(uint32_t, Ipv4InterfaceAddress) override {}
    void PrintRoutingTable(Ptr<OutputStreamWrapper>, Time::Unit) const override {}

    static Ptr<Ipv4Route> Way(Ptr<NetDevice> device, Ipv4Address source, Ipv4Address gateway)
    {
        Ptr<Ipv4Route> route = Create<Ipv4Route>();
        route->SetOutputDevice(device);
        route->SetSource(source);
        route->SetGateway(gateway);
        return route;
    }

    std::unordered_map<uint32_t, Ptr<Ipv4Route>> exact;
    Ptr<Ipv4Route> rest;

  private:
    Ptr<Ipv4Route> RouteTo(Ipv4Address destination) const
    {
        auto found = exact.find(destination.Get());
        return found == exact.end() ? rest : found->second;
    }

    Ptr<Ipv4> ipv4;
    std::unordered_set<uint32_t> own;
};

NS_OBJECT_ENSURE_REGISTERED(TableRouting);

class TableRoutingHelper : public Ipv4RoutingHelper
{
  public:
    TableRoutingHelper* Copy() const override
    {
        return new TableRoutingHelper(*this);
    }
    Ptr<Ipv4RoutingProtocol> Create(Ptr<Node>) const override
    {
        return CreateObject<TableRouting>();
    }
};

Ptr<TableRouting> RoutingOf(Ptr<Node> node)
{
    return DynamicCast<TableRouting>(node->GetObject<Ipv4>()->GetRoutingProtocol());
}

struct End
{
    Ptr<NetDevice> device;
    Ipv4Address address;
};

struct Link
{
    End a;
    End b;
};

Ipv4Address AddAddress(Ptr<Node> node, Ptr<NetDevice> device, uint32_t address)
{
    Ptr<Ipv4> ipv4 = node->GetObject<Ipv4>();
    uint32_t interface = ipv4->AddInterface(device);
    ipv4->AddAddress(interface, Ipv4InterfaceAddress(Ipv4Address(address), Ipv4Mask("255.255.255.252")));
    ipv4->SetMetric(interface, 1);
    ipv4->SetUp(interface);
    device->TraceConnectWithoutContext("MacRx", MakeCallback(&CountHop));
    return Ipv4Address(address);
}

/** A link between two nodes, in a network of four addresses. */
Link Connect(Ptr<Node> a, Ptr<Node> b, const char* rate, const char* delay, const char* queue)
{
    static uint32_t network = 0x0a000000;
    PointToPointHelper helper;
    helper.DisableFlowControl();
    helper.SetDeviceAttribute("DataRate", StringValue(rate));
    helper.SetChannelAttribute("Delay", StringValue(delay));
    helper.SetQueue("ns3::DropTailQueue", "MaxSize", StringValue(queue));
    NetDeviceContainer devices = helper.Install(a, b);
    network += 4;
    return {{devices.Get(0), AddAddress(a, devices.Get(0), network + 1)}, {devices.Get(1), AddAddress(b, devices.Get(1), network + 2)}};
}

/** Everything that the near end sends goes over the link. */
void SendAllOver(Ptr<Node> node, const End& near, const End& far)
{
    RoutingOf(node)->rest = TableRouting::Way(near.device, near.address, far.address);
}

void Install(const NodeContainer& nodes)
{
    InternetStackHelper stack;
    TableRoutingHelper routing;
    stack.SetIpv6StackInstall(false);
    stack.SetRoutingHelper(routing);
    stack.Install(nodes);
}

[[noreturn]] void Run(const char* until)
{
    if (until) Simulator::Stop(Time(until));
    auto start = std::chrono::steady_clock::now();
    std::clock_t processor = std::clock();
    Simulator::Run();
    std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    double used = double(std::clock() - processor) / CLOCKS_PER_SEC;
    std::printf("{\"seconds\":%.6f,\"processorSeconds\":%.6f,\"hops\":%lu}\n", took.count(), used, hops);
    std::fflush(stdout);
    // Taking thousands of nodes apart is not part of the work.
    std::_Exit(0);
}

// One transfer of 20 MB over sender –1 Gbit/s, 5 ms– router –10 Mbit/s, 15 ms, 100 packets– receiver.

uint64_t left = 20'000'000;

void Fill(Ptr<Socket> socket, uint32_t)
{
    while (left > 0)
    {
        uint32_t size = std::min<uint64_t>({left, 65536, socket->GetTxAvailable()});
        if (size == 0) return;
        int sent = socket->Send(Create<Packet>(size));
        if (sent <= 0) return;
        left -= sent;
    }
    socket->Close();
}

void StartFilling(Ptr<Socket> socket)
{
    Fill(socket, 0);
}

void Drain(Ptr<Socket> socket)
{
    while (Ptr<Packet> packet = socket->Recv())
    {
        if (packet->GetSize() == 0) break;
    }
}

void CloseToo(Ptr<Socket> socket)
{
    socket->Close();
}

void TakeBulk(Ptr<Socket> socket, const Address&)
{
    socket->SetRecvCallback(MakeCallback(&Drain));
    socket->SetCloseCallbacks(MakeCallback(&CloseToo), MakeCallback(&CloseToo));
}

Ptr<Socket> Listen(Ptr<Node> node, Callback<void, Ptr<Socket>, const Address&> accepted)
{
    Ptr<Socket> listener = Socket::CreateSocket(node, TcpSocketFactory::GetTypeId());
    listener->Bind(InetSocketAddress(Ipv4Address::GetAny(), 80));
    listener->Listen();
    listener->SetAcceptCallback(MakeNullCallback<bool, Ptr<Socket>, const Address&>(), accepted);
    return listener;
}

void Bulk()
{
    NodeContainer nodes(3);
    Install(nodes);
    Link access = Connect(nodes.Get(0), nodes.Get(1), "1Gbps", "5ms", "100000p");
    Link bottleneck = Connect(nodes.Get(1), nodes.Get(2), "10Mbps", "15ms", "100p");
    SendAllOver(nodes.Get(0), access.a, access.b);
    SendAllOver(nodes.Get(2), bottleneck.b, bottleneck.a);
    Ptr<TableRouting> router = RoutingOf(nodes.Get(1));
    router->exact[access.a.address.Get()] = TableRouting::Way(access.b.device, access.b.address, access.a.address);
    router->exact[bottleneck.b.address.Get()] = TableRouting::Way(bottleneck.a.device, bottleneck.a.address, bottleneck.b.address);
    Ptr<Socket> listener = Listen(nodes.Get(2), MakeCallback(&TakeBulk));
    Ptr<Socket> sender = Socket::CreateSocket(nodes.Get(0), TcpSocketFactory::GetTypeId());
    sender->SetConnectCallback(MakeCallback(&StartFilling), MakeNullCallback<void, Ptr<Socket>>());
    sender->SetSendCallback(MakeCallback(&Fill));
    sender->Bind();
    sender->Connect(InetSocketAddress(bottleneck.b.address, 80));
    Run(nullptr);
}

// 100,000 datagrams of 1,000 bytes, one each 10 µs, over three links of 1 Gbit/s and 1 ms.

Ptr<Socket> source;
uint32_t datagrams = 100'000;

void SendDatagram()
{
    source->Send(Create<Packet>(1000));
    if (--datagrams > 0) Simulator::Schedule(MicroSeconds(10), &SendDatagram);
}

void Udp()
{
    NodeContainer nodes(4);
    Install(nodes);
    std::vector<Link> links;
    for (uint32_t i = 0; i < 3; i++) links.push_back(Connect(nodes.Get(i), nodes.Get(i + 1), "1Gbps", "1ms", "100p"));
    for (uint32_t i = 0; i < 3; i++) SendAllOver(nodes.Get(i), links[i].a, links[i].b);
    SendAllOver(nodes.Get(3), links[2].b, links[2].a);
    Ptr<Socket> sink = Socket::CreateSocket(nodes.Get(3), UdpSocketFactory::GetTypeId());
    sink->Bind(InetSocketAddress(Ipv4Address::GetAny(), 9));
    sink->SetRecvCallback(MakeCallback(&Drain));
    source = Socket::CreateSocket(nodes.Get(0), UdpSocketFactory::GetTypeId());
    source->Bind();
    source->Connect(InetSocketAddress(links[2].b.address, 9));
    Simulator::ScheduleNow(&SendDatagram);
    Run(nullptr);
}

// Clients –10 Mbit/s, 10 ms– router –1 Gbit/s, 5 ms– server. Each opens a connection within the first second, and then sends 1,000 bytes
// once a second, ten times; each request is answered with as much. If they reconnect, each comes back at once, asks once more, and goes.

uint32_t crowdSize = 1000;
bool reconnects = false;
/** When it is stopped; null: when all is done. */
const char* end = nullptr;
Address server;
constexpr uint32_t MESSAGE = 1000;
constexpr uint32_t REQUESTS = 10;

struct Client
{
    Ptr<Node> node;
    uint32_t sent = 0;
    uint32_t received = 0;
    uint32_t wanted = REQUESTS;
};

std::vector<Client> clients;
std::unordered_map<Socket*, uint32_t> unanswered;

uint32_t ReadAll(Ptr<Socket> socket)
{
    uint32_t total = 0;
    while (Ptr<Packet> packet = socket->Recv())
    {
        if (packet->GetSize() == 0) break;
        total += packet->GetSize();
    }
    return total;
}

void Request(uint32_t client, Ptr<Socket> socket)
{
    socket->Send(Create<Packet>(MESSAGE));
    if (++clients[client].sent < clients[client].wanted) Simulator::Schedule(Seconds(1), &Request, client, socket);
}

void Open(uint32_t client);

void TakeReply(uint32_t client, Ptr<Socket> socket)
{
    Client& self = clients[client];
    self.received += ReadAll(socket);
    if (self.received < self.wanted * MESSAGE) return;
    socket->Close();
    if (!reconnects || self.wanted == 1) return;
    self.sent = 0;
    self.received = 0;
    self.wanted = 1;
    Open(client);
}

void Answer(Ptr<Socket> socket)
{
    uint32_t& bytes = unanswered[PeekPointer(socket)];
    bytes += ReadAll(socket);
    for (; bytes >= MESSAGE; bytes -= MESSAGE) socket->Send(Create<Packet>(MESSAGE));
}

void TakeClient(Ptr<Socket> socket, const Address&)
{
    socket->SetRecvCallback(MakeCallback(&Answer));
    socket->SetCloseCallbacks(MakeCallback(&CloseToo), MakeCallback(&CloseToo));
}

void Open(uint32_t client)
{
    Ptr<Socket> socket = Socket::CreateSocket(clients[client].node, TcpSocketFactory::GetTypeId());
    socket->SetConnectCallback(MakeBoundCallback(&Request, client), MakeNullCallback<void, Ptr<Socket>>());
    socket->SetRecvCallback(MakeBoundCallback(&TakeReply, client));
    socket->Bind();
    socket->Connect(server);
}

void Storm()
{
    NodeContainer core(2);
    NodeContainer crowd(crowdSize);
    clients.resize(crowdSize);
    Install(core);
    Install(crowd);
    Ptr<TableRouting> router = RoutingOf(core.Get(0));
    Link uplink = Connect(core.Get(1), core.Get(0), "1Gbps", "5ms", "1000p");
    SendAllOver(core.Get(1), uplink.a, uplink.b);
    router->exact[uplink.a.address.Get()] = TableRouting::Way(uplink.b.device, uplink.b.address, uplink.a.address);
    Ptr<Socket> listener = Listen(core.Get(1), MakeCallback(&TakeClient));
    server = InetSocketAddress(uplink.a.address, 80);
    for (uint32_t i = 0; i < crowdSize; i++)
    {
        Ptr<Node> node = crowd.Get(i);
        Link link = Connect(node, core.Get(0), "10Mbps", "10ms", "1000p");
        SendAllOver(node, link.a, link.b);
        router->exact[link.a.address.Get()] = TableRouting::Way(link.b.device, link.b.address, link.a.address);
        clients[i].node = node;
        Simulator::ScheduleWithContext(node->GetId(), Seconds(double(i) / crowdSize), &Open, i);
    }
    Run(end ? end : reconnects ? "20s" : "15s");
}

} // namespace

int main(int count, char** words)
{
    const char* work = count > 1 ? words[1] : "";
    for (int i = 2; i < count; i++)
    {
        if (std::strcmp(words[i], "checksums") == 0) GlobalValue::Bind("ChecksumEnabled", BooleanValue(true));
        else if (words[i][std::strlen(words[i]) - 1] == 's') end = words[i];
        else crowdSize = std::strtoul(words[i], nullptr, 10);
    }
    Config::SetDefault("ns3::TcpL4Protocol::SocketType", StringValue("ns3::TcpNewReno"));
    Config::SetDefault("ns3::TcpSocket::SegmentSize", UintegerValue(1448));
    Config::SetDefault("ns3::TcpSocket::SndBufSize", UintegerValue(4 << 20));
    Config::SetDefault("ns3::TcpSocket::RcvBufSize", UintegerValue(4 << 20));
    if (std::strcmp(work, "bulk") == 0) Bulk();
    if (std::strcmp(work, "udp") == 0) Udp();
    reconnects = std::strcmp(work, "reconnecting") == 0;
    if (reconnects || std::strcmp(work, "storm") == 0) Storm();
    std::fprintf(stderr, "usage: works bulk|udp|storm|reconnecting [clients] [checksums] [end]\n");
    return 2;
}
