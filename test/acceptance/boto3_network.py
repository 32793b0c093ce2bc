"""boto3 walks through every action of networks that Fogbank has.

Endpoint, keys and region come from the environment, as `fogbank env` prints them; OTHER_ACCOUNT and OTHER_KEYS name a
second account, and WALK the actions to be called. Run by boto3-network.test.ts.
"""

import os
import time
import unittest

import boto3
from botocore.exceptions import ClientError

CALLED = set()


def client(**options):
    made = boto3.client("ec2", **options)
    made.meta.events.register("before-call.ec2", lambda model, **_: CALLED.add(model.name))
    return made


def named(kind, name):
    return {"TagSpecifications": [{"ResourceType": kind, "Tags": [{"Key": "Name", "Value": name}]}]}


class Network(unittest.TestCase):
    """Each test leaves the account as it found it. The last one looks whether all was called."""

    def setUp(self):
        self.ec2 = client()
        key, secret = os.environ["OTHER_KEYS"].split()
        self.other_account = os.environ["OTHER_ACCOUNT"]
        self.other = client(aws_access_key_id=key, aws_secret_access_key=secret)

    def assert_error(self, code, call, **parameters):
        with self.assertRaises(ClientError) as caught:
            call(**parameters)
        self.assertEqual(caught.exception.response["Error"]["Code"], code)

    def vpc(self, block="10.0.0.0/16", ec2=None, **options):
        ec2 = ec2 or self.ec2
        made = ec2.create_vpc(CidrBlock=block, **options)["Vpc"]["VpcId"]
        self.addCleanup(ec2.delete_vpc, VpcId=made)
        return made

    def subnet(self, vpc, block="10.0.0.0/24", **options):
        made = self.ec2.create_subnet(VpcId=vpc, CidrBlock=block, **options)["Subnet"]["SubnetId"]
        self.addCleanup(self.ec2.delete_subnet, SubnetId=made)
        return made

    def gateway(self, vpc):
        made = self.ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        self.addCleanup(self.ec2.delete_internet_gateway, InternetGatewayId=made)
        self.ec2.attach_internet_gateway(InternetGatewayId=made, VpcId=vpc)
        self.addCleanup(self.ec2.detach_internet_gateway, InternetGatewayId=made, VpcId=vpc)
        return made

    def table(self, vpc):
        made = self.ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
        self.addCleanup(self.ec2.delete_route_table, RouteTableId=made)
        return made

    def address(self):
        made = self.ec2.allocate_address(Domain="vpc")
        self.addCleanup(self.ec2.release_address, AllocationId=made["AllocationId"])
        return made

    def instance(self, subnet):
        ssm = boto3.client("ssm")
        image = ssm.get_parameter(Name="/aws/service/fogbank/micro/latest/amd64")["Parameter"]["Value"]
        ec2 = self.ec2
        [made] = ec2.run_instances(
            ImageId=image, InstanceType="t3.nano", MinCount=1, MaxCount=1, SubnetId=subnet
        )["Instances"]
        ids = [made["InstanceId"]]
        ec2.get_waiter("instance_running").wait(InstanceIds=ids, WaiterConfig={"Delay": 1})

        def end():
            ec2.terminate_instances(InstanceIds=ids)
            ec2.get_waiter("instance_terminated").wait(InstanceIds=ids, WaiterConfig={"Delay": 1})

        self.addCleanup(end)
        return ids[0]

    def interface(self, subnet, **options):
        made = self.ec2.create_network_interface(SubnetId=subnet, **options)["NetworkInterface"]
        self.addCleanup(self.ec2.delete_network_interface, NetworkInterfaceId=made["NetworkInterfaceId"])
        return made["NetworkInterfaceId"]

    def eventually(self, read, wanted):
        for _ in range(100):
            seen = read()
            if seen == wanted:
                return
            time.sleep(0.1)
        self.assertEqual(seen, wanted)

    def test_vpcs_and_subnets(self):
        ec2 = self.ec2
        vpc = self.vpc(AmazonProvidedIpv6CidrBlock=True, **named("vpc", "walk"))
        [seen] = ec2.describe_vpcs(Filters=[{"Name": "tag:Name", "Values": ["walk"]}])["Vpcs"]
        self.assertEqual(seen["VpcId"], vpc)
        block = seen["Ipv6CidrBlockAssociationSet"][0]["Ipv6CidrBlock"]
        ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})
        shown = ec2.describe_vpc_attribute(VpcId=vpc, Attribute="enableDnsHostnames")
        self.assertTrue(shown["EnableDnsHostnames"]["Value"])
        ec2.modify_vpc_tenancy(VpcId=vpc, InstanceTenancy="default")
        added = ec2.associate_vpc_cidr_block(VpcId=vpc, CidrBlock="10.1.0.0/16")["CidrBlockAssociation"]
        ec2.disassociate_vpc_cidr_block(AssociationId=added["AssociationId"])

        subnet = self.subnet(vpc)
        given = ec2.associate_subnet_cidr_block(SubnetId=subnet, Ipv6CidrBlock=block.replace("/56", "/64"))
        ec2.modify_subnet_attribute(SubnetId=subnet, AssignIpv6AddressOnCreation={"Value": True})
        ec2.modify_subnet_attribute(SubnetId=subnet, AssignIpv6AddressOnCreation={"Value": False})
        ec2.modify_subnet_attribute(SubnetId=subnet, MapPublicIpOnLaunch={"Value": True})
        reserved = ec2.create_subnet_cidr_reservation(SubnetId=subnet, Cidr="10.0.0.128/28", ReservationType="prefix")
        self.assertEqual(len(ec2.get_subnet_cidr_reservations(SubnetId=subnet)["SubnetIpv4CidrReservations"]), 1)
        identifier = reserved["SubnetCidrReservation"]["SubnetCidrReservationId"]
        ec2.delete_subnet_cidr_reservation(SubnetCidrReservationId=identifier)
        [seen] = ec2.describe_subnets(SubnetIds=[subnet])["Subnets"]
        self.assertTrue(seen["MapPublicIpOnLaunch"])
        ec2.disassociate_subnet_cidr_block(AssociationId=given["Ipv6CidrBlockAssociation"]["AssociationId"])

    def test_default_vpc(self):
        """In a Region of its own, as what is the default is gone in between."""
        ec2 = client(region_name="eu-west-3")
        [vpc] = ec2.describe_vpcs()["Vpcs"]
        self.assert_error("DefaultVpcAlreadyExists", ec2.create_default_vpc)
        subnets = ec2.describe_subnets()["Subnets"]
        ec2.delete_subnet(SubnetId=subnets[0]["SubnetId"])
        made = ec2.create_default_subnet(AvailabilityZone=subnets[0]["AvailabilityZone"])["Subnet"]
        self.assertTrue(made["DefaultForAz"])
        for subnet in ec2.describe_subnets()["Subnets"]:
            ec2.delete_subnet(SubnetId=subnet["SubnetId"])
        [gateway] = ec2.describe_internet_gateways()["InternetGateways"]
        ec2.detach_internet_gateway(InternetGatewayId=gateway["InternetGatewayId"], VpcId=vpc["VpcId"])
        ec2.delete_internet_gateway(InternetGatewayId=gateway["InternetGatewayId"])
        ec2.delete_vpc(VpcId=vpc["VpcId"])
        self.assertEqual(ec2.create_default_vpc()["Vpc"]["CidrBlock"], "172.31.0.0/16")

    def test_dhcp_options(self):
        vpc = self.vpc()
        made = self.ec2.create_dhcp_options(
            DhcpConfigurations=[{"Key": "domain-name", "Values": ["corp.example.com"]}]
        )["DhcpOptions"]["DhcpOptionsId"]
        self.addCleanup(self.ec2.delete_dhcp_options, DhcpOptionsId=made)
        self.ec2.associate_dhcp_options(DhcpOptionsId=made, VpcId=vpc)
        self.assertEqual(len(self.ec2.describe_dhcp_options(DhcpOptionsIds=[made])["DhcpOptions"]), 1)
        self.assert_error("DependencyViolation", self.ec2.delete_dhcp_options, DhcpOptionsId=made)
        self.ec2.associate_dhcp_options(DhcpOptionsId="default", VpcId=vpc)

    def test_routes(self):
        ec2 = self.ec2
        vpc = self.vpc(AmazonProvidedIpv6CidrBlock=True)
        subnet = self.subnet(vpc)
        gateway = self.gateway(vpc)
        outward = ec2.create_egress_only_internet_gateway(VpcId=vpc)["EgressOnlyInternetGateway"]
        outward = outward["EgressOnlyInternetGatewayId"]
        self.addCleanup(ec2.delete_egress_only_internet_gateway, EgressOnlyInternetGatewayId=outward)
        self.assertEqual(len(ec2.describe_egress_only_internet_gateways()["EgressOnlyInternetGateways"]), 1)
        table, second = self.table(vpc), self.table(vpc)
        ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
        ec2.create_route(RouteTableId=table, DestinationIpv6CidrBlock="::/0", EgressOnlyInternetGatewayId=outward)
        ec2.replace_route(RouteTableId=table, DestinationIpv6CidrBlock="::/0", GatewayId=gateway)
        ec2.delete_route(RouteTableId=table, DestinationIpv6CidrBlock="::/0")
        first = ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)["AssociationId"]
        moved = ec2.replace_route_table_association(AssociationId=first, RouteTableId=second)["NewAssociationId"]
        [seen] = ec2.describe_route_tables(Filters=[{"Name": "association.subnet-id", "Values": [subnet]}])["RouteTables"]
        self.assertEqual(seen["RouteTableId"], second)
        ec2.disassociate_route_table(AssociationId=moved)
        for call in (ec2.enable_vgw_route_propagation, ec2.disable_vgw_route_propagation):
            self.assert_error("InvalidVpnGatewayID.NotFound", call, RouteTableId=table, GatewayId="vgw-00000001")

    def test_network_acls(self):
        ec2 = self.ec2
        vpc = self.vpc()
        subnet = self.subnet(vpc)
        made = ec2.create_network_acl(VpcId=vpc)["NetworkAcl"]["NetworkAclId"]
        self.addCleanup(ec2.delete_network_acl, NetworkAclId=made)
        entry = {"NetworkAclId": made, "RuleNumber": 100, "Egress": False}
        rule = {"Protocol": "6", "RuleAction": "allow", "CidrBlock": "0.0.0.0/0", "PortRange": {"From": 22, "To": 22}}
        ec2.create_network_acl_entry(**entry, **rule)
        ec2.replace_network_acl_entry(**entry, **{**rule, "RuleAction": "deny"})
        acls = ec2.describe_network_acls(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["NetworkAcls"]
        [mine] = [one for one in acls if one["NetworkAclId"] == made]
        self.assertIn("deny", [one["RuleAction"] for one in mine["Entries"] if one["RuleNumber"] == 100])
        [default] = [one for one in acls if one["IsDefault"]]
        [association] = [one for one in default["Associations"] if one["SubnetId"] == subnet]
        moved = ec2.replace_network_acl_association(
            AssociationId=association["NetworkAclAssociationId"], NetworkAclId=made
        )["NewAssociationId"]
        ec2.replace_network_acl_association(AssociationId=moved, NetworkAclId=default["NetworkAclId"])
        ec2.delete_network_acl_entry(**entry)

    def test_prefix_lists(self):
        ec2 = self.ec2
        made = ec2.create_managed_prefix_list(
            PrefixListName="walk", AddressFamily="IPv4", MaxEntries=5, Entries=[{"Cidr": "192.0.2.0/24"}]
        )["PrefixList"]["PrefixListId"]
        self.addCleanup(ec2.delete_managed_prefix_list, PrefixListId=made)
        ec2.modify_managed_prefix_list(PrefixListId=made, CurrentVersion=1, AddEntries=[{"Cidr": "198.51.100.0/24"}])
        self.assertEqual(len(ec2.get_managed_prefix_list_entries(PrefixListId=made)["Entries"]), 2)
        ec2.restore_managed_prefix_list_version(PrefixListId=made, PreviousVersion=1, CurrentVersion=2)
        [entry] = ec2.get_managed_prefix_list_entries(PrefixListId=made)["Entries"]
        self.assertEqual(entry["Cidr"], "192.0.2.0/24")
        self.assertEqual(ec2.get_managed_prefix_list_associations(PrefixListId=made)["PrefixListAssociations"], [])
        owners = [one["OwnerId"] for one in ec2.describe_managed_prefix_lists()["PrefixLists"]]
        self.assertEqual(sorted(owners), ["000000000000", "AWS", "AWS"])
        names = [one["PrefixListName"] for one in ec2.describe_prefix_lists()["PrefixLists"]]
        self.assertIn("com.amazonaws.us-east-1.s3", names)

    def test_security_groups(self):
        ec2 = self.ec2
        vpc = self.vpc()
        group = ec2.create_security_group(GroupName="walk", Description="walk", VpcId=vpc)["GroupId"]
        self.addCleanup(ec2.delete_security_group, GroupId=group)
        rule = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}
        both = {"GroupId": group, "IpPermissions": [rule]}
        [made] = ec2.authorize_security_group_ingress(**both)["SecurityGroupRules"]
        ec2.authorize_security_group_egress(**both)
        change = {"IpProtocol": "tcp", "FromPort": 23, "ToPort": 23, "CidrIpv4": "10.0.0.0/8"}
        identifier = {"SecurityGroupRuleId": made["SecurityGroupRuleId"]}
        ec2.modify_security_group_rules(GroupId=group, SecurityGroupRules=[{**identifier, "SecurityGroupRule": change}])
        described = {"GroupId": group, "SecurityGroupRuleDescriptions": [{**identifier, "Description": "telnet"}]}
        ec2.update_security_group_rule_descriptions_ingress(**described)
        ec2.update_security_group_rule_descriptions_egress(**both)
        seen = ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [group]}])["SecurityGroupRules"]
        self.assertIn("telnet", [one.get("Description") for one in seen])
        ec2.revoke_security_group_egress(**both)
        ec2.revoke_security_group_ingress(GroupId=group, SecurityGroupRuleIds=[made["SecurityGroupRuleId"]])
        [seen] = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"]
        self.assertEqual(seen["IpPermissions"], [])
        names = [one["GroupName"] for one in ec2.get_security_groups_for_vpc(VpcId=vpc)["SecurityGroupForVpcs"]]
        self.assertEqual(sorted(names), ["default", "walk"])

    def test_network_interfaces(self):
        ec2 = self.ec2
        vpc = self.vpc(AmazonProvidedIpv6CidrBlock=True)
        [seen] = ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"]
        block = seen["Ipv6CidrBlockAssociationSet"][0]["Ipv6CidrBlock"].replace("/56", "/64")
        subnet = self.subnet(vpc, Ipv6CidrBlock=block)
        machine = self.instance(subnet)
        card = self.interface(subnet, Description="walk")
        [given] = ec2.assign_private_ip_addresses(NetworkInterfaceId=card, SecondaryPrivateIpAddressCount=1)[
            "AssignedPrivateIpAddresses"
        ]
        ec2.unassign_private_ip_addresses(NetworkInterfaceId=card, PrivateIpAddresses=[given["PrivateIpAddress"]])
        given = ec2.assign_ipv6_addresses(NetworkInterfaceId=card, Ipv6AddressCount=1)["AssignedIpv6Addresses"]
        ec2.unassign_ipv6_addresses(NetworkInterfaceId=card, Ipv6Addresses=given)
        ec2.modify_network_interface_attribute(NetworkInterfaceId=card, SourceDestCheck={"Value": False})
        ec2.reset_network_interface_attribute(NetworkInterfaceId=card, SourceDestCheck="true")
        shown = ec2.describe_network_interface_attribute(NetworkInterfaceId=card, Attribute="sourceDestCheck")
        self.assertTrue(shown["SourceDestCheck"]["Value"])

        def status():
            [one] = ec2.describe_network_interfaces(NetworkInterfaceIds=[card])["NetworkInterfaces"]
            return one["Status"]

        attachment = ec2.attach_network_interface(InstanceId=machine, NetworkInterfaceId=card, DeviceIndex=1)
        self.eventually(status, "in-use")
        ec2.detach_network_interface(AttachmentId=attachment["AttachmentId"])
        self.eventually(status, "available")
        made = ec2.create_network_interface_permission(
            NetworkInterfaceId=card, AwsAccountId=self.other_account, Permission="INSTANCE-ATTACH"
        )["InterfacePermission"]["NetworkInterfacePermissionId"]
        [seen] = ec2.describe_network_interface_permissions()["NetworkInterfacePermissions"]
        self.assertEqual(seen["AwsAccountId"], self.other_account)
        ec2.delete_network_interface_permission(NetworkInterfacePermissionId=made)

    def test_addresses(self):
        ec2 = self.ec2
        vpc = self.vpc()
        subnet = self.subnet(vpc)
        self.gateway(vpc)
        card = self.interface(subnet)
        address = self.address()
        identifier = {"AllocationId": address["AllocationId"]}
        associated = ec2.associate_address(**identifier, NetworkInterfaceId=card)["AssociationId"]
        [seen] = ec2.describe_addresses(PublicIps=[address["PublicIp"]])["Addresses"]
        self.assertEqual(seen["NetworkInterfaceId"], card)
        ec2.disassociate_address(AssociationId=associated)
        ec2.modify_address_attribute(**identifier, DomainName="www.example.com")
        [seen] = ec2.describe_addresses_attribute(AllocationIds=[address["AllocationId"]], Attribute="domain-name")[
            "Addresses"
        ]
        self.assertEqual(seen["PtrRecord"], "www.example.com.")
        ec2.reset_address_attribute(**identifier, Attribute="domain-name")
        self.assertEqual(ec2.describe_moving_addresses()["MovingAddressStatuses"], [])

        offered = ec2.allocate_address(Domain="vpc")
        offer = {"AllocationId": offered["AllocationId"], "TransferAccountId": self.other_account}
        ec2.enable_address_transfer(**offer)
        ec2.disable_address_transfer(AllocationId=offered["AllocationId"])
        ec2.enable_address_transfer(**offer)
        self.other.accept_address_transfer(Address=offered["PublicIp"])
        [transfer] = ec2.describe_address_transfers()["AddressTransfers"]
        self.assertEqual(transfer["AddressTransferStatus"], "accepted")
        [taken] = self.other.describe_addresses(PublicIps=[offered["PublicIp"]])["Addresses"]
        self.other.release_address(AllocationId=taken["AllocationId"])

    def test_ranges_of_ones_own(self):
        ec2 = self.ec2
        cidr = {"Cidr": "198.19.121.0/24"}

        def state():
            [one] = ec2.describe_byoip_cidrs(MaxResults=5)["ByoipCidrs"]
            return one["State"]

        ec2.provision_byoip_cidr(**cidr)
        self.eventually(state, "provisioned")
        [pool] = [one["PoolId"] for one in ec2.describe_public_ipv4_pools()["PublicIpv4Pools"]]
        ec2.advertise_byoip_cidr(**cidr)
        self.eventually(state, "advertised")
        address = ec2.allocate_address(PublicIpv4Pool=pool)
        self.assertTrue(address["PublicIp"].startswith("198.19.121."))
        [seen] = ec2.describe_public_ipv4_pools(PoolIds=[pool])["PublicIpv4Pools"]
        self.assertEqual(seen["TotalAvailableAddressCount"], 255)
        ec2.release_address(AllocationId=address["AllocationId"])
        ec2.withdraw_byoip_cidr(**cidr)
        self.eventually(state, "provisioned")
        ec2.deprovision_byoip_cidr(**cidr)
        self.eventually(state, "deprovisioned")

        range6 = {"Cidr": "fdf0:9ba0:aaaa::/48"}

        def state6():
            [one] = [one for one in ec2.describe_byoip_cidrs(MaxResults=5)["ByoipCidrs"] if one["Cidr"] == range6["Cidr"]]
            return one["State"]

        ec2.provision_byoip_cidr(**range6)
        self.eventually(state6, "provisioned")
        ec2.advertise_byoip_cidr(**range6)
        self.eventually(state6, "advertised")
        [pool] = [one["PoolId"] for one in ec2.describe_ipv6_pools()["Ipv6Pools"]]
        vpc = self.vpc(Ipv6Pool=pool, Ipv6CidrBlock="fdf0:9ba0:aaaa:100::/56")
        [used] = ec2.get_associated_ipv6_pool_cidrs(PoolId=pool)["Ipv6CidrAssociations"]
        self.assertEqual(used["AssociatedResource"], vpc)

    def test_nat_gateways(self):
        ec2 = self.ec2
        vpc = self.vpc()
        subnet = self.subnet(vpc)
        self.gateway(vpc)
        first, second = self.address(), self.address()
        public = ec2.create_nat_gateway(SubnetId=subnet, AllocationId=first["AllocationId"])["NatGateway"]["NatGatewayId"]
        private = ec2.create_nat_gateway(SubnetId=subnet, ConnectivityType="private")["NatGateway"]["NatGatewayId"]
        waiting = {"NatGatewayIds": [public, private], "WaiterConfig": {"Delay": 1}}
        ec2.get_waiter("nat_gateway_available").wait(**waiting)
        table = self.table(vpc)
        ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", NatGatewayId=public)
        added = ec2.associate_nat_gateway_address(NatGatewayId=public, AllocationIds=[second["AllocationId"]])
        [added] = added["NatGatewayAddresses"]
        [seen] = ec2.describe_nat_gateways(NatGatewayIds=[public])["NatGateways"]
        self.assertEqual(
            {one["PublicIp"] for one in seen["NatGatewayAddresses"]}, {first["PublicIp"], second["PublicIp"]}
        )
        ec2.disassociate_nat_gateway_address(NatGatewayId=public, AssociationIds=[added["AssociationId"]])
        [given] = ec2.assign_private_nat_gateway_address(NatGatewayId=private, PrivateIpAddressCount=1)[
            "NatGatewayAddresses"
        ]
        ec2.unassign_private_nat_gateway_address(NatGatewayId=private, PrivateIpAddresses=[given["PrivateIp"]])
        for one in (public, private):
            ec2.delete_nat_gateway(NatGatewayId=one)
        ec2.get_waiter("nat_gateway_deleted").wait(**waiting)

    def test_peering(self):
        ec2, other = self.ec2, self.other
        vpc, theirs = self.vpc(), self.vpc("10.1.0.0/16", other)
        ask = {"VpcId": vpc, "PeerVpcId": theirs, "PeerOwnerId": self.other_account}

        def request():
            made = ec2.create_vpc_peering_connection(**ask)["VpcPeeringConnection"]["VpcPeeringConnectionId"]
            ec2.get_waiter("vpc_peering_connection_exists").wait(VpcPeeringConnectionIds=[made])
            return {"VpcPeeringConnectionId": made}

        other.reject_vpc_peering_connection(**request())
        connection = request()
        other.accept_vpc_peering_connection(**connection)
        self.addCleanup(ec2.delete_vpc_peering_connection, **connection)
        ec2.modify_vpc_peering_connection_options(
            **connection, RequesterPeeringConnectionOptions={"AllowDnsResolutionFromRemoteVpc": False}
        )
        group = ec2.create_security_group(GroupName="peer", Description="walk", VpcId=vpc)["GroupId"]
        self.addCleanup(ec2.delete_security_group, GroupId=group)
        foreign = other.create_security_group(GroupName="peer", Description="walk", VpcId=theirs)["GroupId"]
        pair = {"GroupId": foreign, "UserId": self.other_account}
        ec2.authorize_security_group_ingress(
            GroupId=group, IpPermissions=[{"IpProtocol": "-1", "UserIdGroupPairs": [pair]}]
        )
        [reference] = other.describe_security_group_references(GroupId=[foreign])["SecurityGroupReferenceSet"]
        self.assertEqual(reference["ReferencingVpcId"], vpc)
        other.delete_security_group(GroupId=foreign)
        [stale] = ec2.describe_stale_security_groups(VpcId=vpc)["StaleSecurityGroupSet"]
        self.assertEqual(stale["GroupId"], group)
        statuses = [one["Status"]["Code"] for one in ec2.describe_vpc_peering_connections()["VpcPeeringConnections"]]
        self.assertEqual(sorted(statuses), ["active", "rejected"])

    def test_endpoints(self):
        ec2 = self.ec2
        vpc = self.vpc()
        table = self.table(vpc)
        [service] = ec2.describe_vpc_endpoint_services(ServiceNames=["com.amazonaws.us-east-1.s3"])["ServiceDetails"]
        made = ec2.create_vpc_endpoint(VpcId=vpc, ServiceName=service["ServiceName"])["VpcEndpoint"]["VpcEndpointId"]
        ec2.modify_vpc_endpoint(VpcEndpointId=made, AddRouteTableIds=[table])
        [seen] = ec2.describe_vpc_endpoints(VpcEndpointIds=[made])["VpcEndpoints"]
        self.assertEqual(seen["RouteTableIds"], [table])
        self.assertEqual(ec2.delete_vpc_endpoints(VpcEndpointIds=[made])["Unsuccessful"], [])

    def test_reachability(self):
        ec2 = self.ec2
        vpc = self.vpc()
        subnet = self.subnet(vpc)
        cards = [self.interface(subnet), self.interface(subnet)]
        path = ec2.create_network_insights_path(
            Source=cards[0], Destination=cards[1], Protocol="tcp", DestinationPort=22
        )["NetworkInsightsPath"]["NetworkInsightsPathId"]
        self.addCleanup(ec2.delete_network_insights_path, NetworkInsightsPathId=path)
        started = ec2.start_network_insights_analysis(NetworkInsightsPathId=path)["NetworkInsightsAnalysis"]
        analysis = started["NetworkInsightsAnalysisId"]
        self.addCleanup(ec2.delete_network_insights_analysis, NetworkInsightsAnalysisId=analysis)

        def status():
            [one] = ec2.describe_network_insights_analyses(NetworkInsightsAnalysisIds=[analysis])[
                "NetworkInsightsAnalyses"
            ]
            return one["Status"]

        self.eventually(status, "succeeded")
        [seen] = ec2.describe_network_insights_paths(NetworkInsightsPathIds=[path])["NetworkInsightsPaths"]
        self.assertEqual(seen["DestinationPort"], 22)

    def test_flow_logs(self):
        ec2 = self.ec2
        vpc = self.vpc()
        made = ec2.create_flow_logs(
            ResourceIds=[vpc],
            ResourceType="VPC",
            TrafficType="ALL",
            LogDestinationType="s3",
            LogDestination="arn:aws:s3:::walk",
        )
        [log] = made["FlowLogIds"]
        [seen] = ec2.describe_flow_logs(FlowLogIds=[log])["FlowLogs"]
        self.assertEqual(seen["ResourceId"], vpc)
        self.assertEqual(ec2.delete_flow_logs(FlowLogIds=[log])["Unsuccessful"], [])

    def test_zz_nothing_was_left_out(self):
        self.assertEqual(set(os.environ["WALK"].split()) - CALLED, set())


if __name__ == "__main__":
    unittest.main()
