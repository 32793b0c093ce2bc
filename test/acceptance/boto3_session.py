"""boto3 against Fogbank, as in a script of one's own.

Endpoint, keys and region come from the environment, as `fogbank env` prints them. Run by boto3.test.ts; by hand:

    eval "$(fogbank env)" && python3 -m unittest -v boto3_session
"""

import base64
import datetime
import unittest

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

USER_DATA = "#!/bin/sh\necho hello\n"


class Session(unittest.TestCase):
    """Each test leaves the account as it found it."""

    def setUp(self):
        self.client = boto3.client("ec2")
        self.ec2 = boto3.resource("ec2")
        self.image = self.newest_image("fogbank-micro-*")

    def newest_image(self, name):
        images = self.client.describe_images(
            Owners=["amazon"], Filters=[{"Name": "name", "Values": [name]}]
        )["Images"]
        return max(images, key=lambda image: image["CreationDate"])["ImageId"]

    def launch(self, **options):
        """One instance that runs, terminated after the test."""
        parameters = {"ImageId": self.image, "InstanceType": "t3.nano", "MinCount": 1, "MaxCount": 1}
        [instance] = self.ec2.create_instances(**parameters, **options)
        self.addCleanup(instance.terminate)
        instance.wait_until_running()
        instance.reload()
        return instance

    def assert_error(self, code, call, **parameters):
        with self.assertRaises(ClientError) as caught:
            call(**parameters)
        error = caught.exception.response
        self.assertEqual(error["Error"]["Code"], code)
        self.assertTrue(error["Error"]["Message"])
        self.assertTrue(error["ResponseMetadata"]["RequestId"])

    def test_identity_and_parameters(self):
        identity = boto3.client("sts").get_caller_identity()
        self.assertEqual(identity["Account"], "000000000000")
        ssm = boto3.client("ssm")
        parameter = ssm.get_parameter(Name="/aws/service/fogbank/micro/latest/amd64")["Parameter"]
        self.assertEqual(parameter["Value"], self.image)
        self.assertIsInstance(parameter["LastModifiedDate"], datetime.datetime)
        several = ssm.get_parameters(Names=[parameter["Name"], "/aws/service/none"])
        self.assertEqual([p["Name"] for p in several["Parameters"]], [parameter["Name"]])
        self.assertEqual(several["InvalidParameters"], ["/aws/service/none"])

    def test_image(self):
        image = self.ec2.Image(self.image)
        self.assertEqual(image.state, "available")
        self.assertEqual(image.architecture, "x86_64")
        self.assertTrue(image.public)
        [root] = [d for d in image.block_device_mappings if d["DeviceName"] == image.root_device_name]
        self.assertGreaterEqual(root["Ebs"]["VolumeSize"], 1)

    def test_instance(self):
        key = self.ec2.create_key_pair(KeyName="boto3", KeyType="ed25519")
        self.addCleanup(key.delete)
        self.assertIn("PRIVATE KEY", key.key_material)
        before = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(seconds=5)
        instance = self.launch(
            KeyName=key.name,
            UserData=USER_DATA,
            TagSpecifications=[{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": "boto3"}]}],
            MetadataOptions={"HttpTokens": "required", "InstanceMetadataTags": "enabled"},
            BlockDeviceMappings=[{"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 3, "VolumeType": "gp3"}}],
        )
        self.assertEqual(instance.tags, [{"Key": "Name", "Value": "boto3"}])
        self.assertGreater(instance.launch_time, before)
        self.assertEqual(instance.metadata_options["HttpTokens"], "required")
        self.assertEqual([volume.size for volume in instance.volumes.all()], [3])
        self.assertEqual(instance.vpc.is_default, True)
        self.assertEqual(instance.subnet.vpc_id, instance.vpc_id)
        self.assertEqual([group["GroupName"] for group in instance.security_groups], ["default"])
        [interface] = instance.network_interfaces
        self.assertEqual(interface.private_ip_address, instance.private_ip_address)
        self.assertEqual(interface.association_attribute["PublicIp"], instance.public_ip_address)
        user_data = instance.describe_attribute(Attribute="userData")["UserData"]["Value"]
        self.assertEqual(base64.b64decode(user_data).decode(), USER_DATA)

        found = self.ec2.instances.filter(
            Filters=[{"Name": "tag:Name", "Values": ["bot*"]}, {"Name": "instance-state-name", "Values": ["running"]}]
        )
        self.assertEqual([i.id for i in found], [instance.id])

    def test_stop_change_start(self):
        instance = self.launch()
        address, public_address = instance.private_ip_address, instance.public_ip_address
        instance.stop()
        instance.wait_until_stopped()
        instance.modify_attribute(InstanceType={"Value": "t3.small"})
        instance.modify_attribute(UserData={"Value": b"#!/bin/sh\ntrue\n"})
        instance.start()
        instance.wait_until_running()
        instance.reload()
        self.assertEqual(instance.instance_type, "t3.small")
        self.assertEqual(instance.private_ip_address, address)
        self.assertIsNotNone(instance.public_ip_address)
        self.assertIsNotNone(public_address)

    def test_termination_protection(self):
        instance = self.launch(DisableApiTermination=True)
        self.assert_error("OperationNotPermitted", instance.terminate)
        instance.modify_attribute(DisableApiTermination={"Value": False})
        instance.terminate()
        instance.wait_until_terminated()
        instance.reload()
        self.assertEqual(instance.state["Name"], "terminated")
        self.assertEqual(instance.state_reason["Code"], "Client.UserInitiatedShutdown")

    def test_security_group(self):
        [vpc] = self.ec2.vpcs.filter(Filters=[{"Name": "is-default", "Values": ["true"]}])
        group = self.ec2.create_security_group(GroupName="boto3", Description="web", VpcId=vpc.id)
        self.addCleanup(group.delete)
        permission = {
            "IpProtocol": "tcp",
            "FromPort": 443,
            "ToPort": 443,
            "IpRanges": [{"CidrIp": "192.0.2.0/24", "Description": "office"}, {"CidrIp": "198.51.100.7/32"}],
            "Ipv6Ranges": [{"CidrIpv6": "2001:db8::/32"}],
            "UserIdGroupPairs": [{"GroupId": group.id}],
        }
        rules = group.authorize_ingress(IpPermissions=[permission])["SecurityGroupRules"]
        self.assertEqual(len(rules), 4)
        self.assert_error("InvalidPermission.Duplicate", group.authorize_ingress, IpPermissions=[permission])
        self.client.modify_security_group_rules(
            GroupId=group.id,
            SecurityGroupRules=[
                {
                    "SecurityGroupRuleId": rules[0]["SecurityGroupRuleId"],
                    "SecurityGroupRule": {"IpProtocol": "tcp", "FromPort": 8443, "ToPort": 8443, "CidrIpv4": "192.0.2.0/24"},
                }
            ],
        )
        group.reload()
        self.assertEqual(sorted(p["FromPort"] for p in group.ip_permissions), [443, 8443])
        group.revoke_ingress(SecurityGroupRuleIds=[rule["SecurityGroupRuleId"] for rule in rules])
        group.reload()
        self.assertEqual(group.ip_permissions, [])

    def test_paginators(self):
        count = 25
        reservation = self.client.run_instances(
            ImageId=self.image, InstanceType="t3.nano", MinCount=count, MaxCount=count, ClientToken="twenty-five"
        )
        ids = [instance["InstanceId"] for instance in reservation["Instances"]]
        self.addCleanup(self.client.terminate_instances, InstanceIds=ids)
        pages = self.client.get_paginator("describe_instance_status").paginate(
            IncludeAllInstances=True, PaginationConfig={"PageSize": 10}
        )
        seen = [status["InstanceId"] for page in pages for status in page["InstanceStatuses"]]
        self.assertEqual(len(seen), len(set(seen)))
        self.assertLessEqual(set(ids), set(seen))
        types = self.client.get_paginator("describe_instance_types").paginate(
            Filters=[{"Name": "bare-metal", "Values": ["false"]}, {"Name": "vcpu-info.default-vcpus", "Values": ["96"]}]
        )
        self.assertTrue(all(t["VCpuInfo"]["DefaultVCpus"] == 96 for page in types for t in page["InstanceTypes"]))

    def test_client_token(self):
        parameters = {"ImageId": self.image, "InstanceType": "t3.nano", "MinCount": 1, "MaxCount": 1, "ClientToken": "once"}
        first = self.client.run_instances(**parameters)
        second = self.client.run_instances(**parameters)
        self.addCleanup(self.client.terminate_instances, InstanceIds=[first["Instances"][0]["InstanceId"]])
        self.assertEqual(first["ReservationId"], second["ReservationId"])
        self.assertEqual(first["Instances"][0]["InstanceId"], second["Instances"][0]["InstanceId"])
        self.assert_error(
            "IdempotentParameterMismatch", self.client.run_instances, **{**parameters, "InstanceType": "t3.micro"}
        )

    def test_regions_are_apart(self):
        instance = self.launch()
        elsewhere = boto3.client("ec2", region_name="eu-central-1")
        self.assert_error("InvalidInstanceID.NotFound", elsewhere.describe_instances, InstanceIds=[instance.id])
        self.assertEqual(elsewhere.describe_vpcs()["Vpcs"][0]["CidrBlock"], "172.31.0.0/16")

    def test_errors(self):
        client = boto3.client("ec2", config=Config(retries={"max_attempts": 1}))
        self.assert_error("InvalidInstanceID.NotFound", client.stop_instances, InstanceIds=["i-0123456789abcdef0"])
        self.assert_error("DryRunOperation", client.describe_instances, DryRun=True)
        self.assert_error("InvalidKeyPair.NotFound", client.describe_key_pairs, KeyNames=["none"])
        self.assert_error(
            "InvalidParameterValue",
            client.describe_instances,
            Filters=[{"Name": "no-such-filter", "Values": ["x"]}],
        )


if __name__ == "__main__":
    unittest.main()
