"""boto3 walks through every action of volumes that Fogbank has.

Endpoint, keys and region come from the environment, as `fogbank env` prints them; WALK names the actions to be called.
Run by boto3-volumes.test.ts.
"""

import os
import time
import unittest

import boto3
from botocore.exceptions import ClientError

CALLED = set()
ZONE = "us-east-1a"


class Volumes(unittest.TestCase):
    """Each test leaves the account as it found it. The last one looks whether all was called."""

    def setUp(self):
        self.ec2 = boto3.client("ec2")
        self.ec2.meta.events.register("before-call.ec2", lambda model, **_: CALLED.add(model.name))

    def assert_error(self, code, call, **parameters):
        with self.assertRaises(ClientError) as caught:
            call(**parameters)
        self.assertEqual(caught.exception.response["Error"]["Code"], code)

    def eventually(self, read, expected):
        deadline = time.time() + 30
        while read() != expected and time.time() < deadline:
            time.sleep(0.2)
        self.assertEqual(read(), expected)

    def volume(self, size=8, **options):
        made = self.ec2.create_volume(AvailabilityZone=ZONE, Size=size, **options)["VolumeId"]
        self.ec2.get_waiter("volume_available").wait(VolumeIds=[made], WaiterConfig={"Delay": 1})
        self.addCleanup(self.delete, made)
        return made

    def delete(self, volume):
        self.ec2.delete_volume(VolumeId=volume)
        self.ec2.get_waiter("volume_deleted").wait(VolumeIds=[volume], WaiterConfig={"Delay": 1})

    def instance(self):
        ec2 = self.ec2
        [image] = ec2.describe_images(Owners=["amazon"], Filters=[{"Name": "name", "Values": ["fogbank-micro-*"]}])[
            "Images"
        ][:1]
        [subnet] = ec2.describe_subnets(Filters=[{"Name": "availability-zone", "Values": [ZONE]}])["Subnets"]
        [made] = ec2.run_instances(
            ImageId=image["ImageId"],
            InstanceType="t3.micro",
            SubnetId=subnet["SubnetId"],
            MinCount=1,
            MaxCount=1,
        )["Instances"]
        ec2.get_waiter("instance_running").wait(InstanceIds=[made["InstanceId"]], WaiterConfig={"Delay": 1})
        self.addCleanup(self.terminate, made["InstanceId"])
        return made["InstanceId"]

    def terminate(self, instance):
        self.ec2.terminate_instances(InstanceIds=[instance])
        self.ec2.get_waiter("instance_terminated").wait(InstanceIds=[instance], WaiterConfig={"Delay": 1})

    def see(self, volume):
        [one] = self.ec2.describe_volumes(VolumeIds=[volume])["Volumes"]
        return one

    def test_attach_and_detach(self):
        ec2 = self.ec2
        instance, volume = self.instance(), self.volume()
        resource = boto3.resource("ec2").Volume(volume)
        resource.attach_to_instance(InstanceId=instance, Device="/dev/sdf")
        ec2.get_waiter("volume_in_use").wait(VolumeIds=[volume], WaiterConfig={"Delay": 1})
        self.eventually(lambda: self.see(volume)["Attachments"][0]["State"], "attached")
        other = self.volume()
        self.assert_error(
            "InvalidParameterValue", ec2.attach_volume, VolumeId=other, InstanceId=instance, Device="/dev/xvdf"
        )
        self.assert_error("VolumeInUse", ec2.delete_volume, VolumeId=volume)
        ec2.detach_volume(VolumeId=volume)
        ec2.get_waiter("volume_available").wait(VolumeIds=[volume], WaiterConfig={"Delay": 1})

    def test_modify(self):
        ec2 = self.ec2
        volume = self.volume(VolumeType="gp3")

        def state():
            [one] = ec2.describe_volumes_modifications(VolumeIds=[volume])["VolumesModifications"]
            return one["ModificationState"]

        answer = ec2.modify_volume(VolumeId=volume, Size=20, Iops=4000, Throughput=300)["VolumeModification"]
        self.assertEqual((answer["OriginalSize"], answer["TargetSize"]), (8, 20))
        self.assert_error("IncorrectModificationState", ec2.modify_volume, VolumeId=volume, Size=30)
        self.eventually(state, "completed")
        seen = self.see(volume)
        self.assertEqual((seen["Size"], seen["Iops"], seen["Throughput"]), (20, 4000, 300))
        self.assert_error("InvalidParameterValue", ec2.modify_volume, VolumeId=volume, Size=10)

    def test_copy(self):
        ec2 = self.ec2
        volume = self.volume()
        [copy] = ec2.copy_volumes(SourceVolumeId=volume, Size=9, VolumeType="gp3")["Volumes"]
        self.assertEqual((copy["SourceVolumeId"], copy["Size"], copy["VolumeType"]), (volume, 9, "gp3"))
        ec2.get_waiter("volume_available").wait(VolumeIds=[copy["VolumeId"]], WaiterConfig={"Delay": 1})
        self.delete(copy["VolumeId"])

    def test_status_and_attributes(self):
        ec2 = self.ec2
        volume = self.volume()
        [status] = ec2.describe_volume_status(VolumeIds=[volume])["VolumeStatuses"]
        self.assertEqual(status["VolumeStatus"]["Status"], "ok")
        ec2.enable_volume_io(VolumeId=volume)
        ec2.modify_volume_attribute(VolumeId=volume, AutoEnableIO={"Value": True})
        seen = ec2.describe_volume_attribute(VolumeId=volume, Attribute="autoEnableIO")
        self.assertTrue(seen["AutoEnableIO"]["Value"])

    def test_replace_root_volume(self):
        ec2 = self.ec2
        instance = self.instance()

        def root():
            [[one]] = [r["Instances"] for r in ec2.describe_instances(InstanceIds=[instance])["Reservations"]]
            return one["BlockDeviceMappings"][0]["Ebs"]["VolumeId"]

        old = root()
        task = ec2.create_replace_root_volume_task(InstanceId=instance, DeleteReplacedRootVolume=True)[
            "ReplaceRootVolumeTask"
        ]["ReplaceRootVolumeTaskId"]

        def state():
            [one] = ec2.describe_replace_root_volume_tasks(ReplaceRootVolumeTaskIds=[task])["ReplaceRootVolumeTasks"]
            return one["TaskState"]

        self.eventually(state, "succeeded")
        self.assertNotEqual(root(), old)
        ec2.get_waiter("volume_deleted").wait(VolumeIds=[old], WaiterConfig={"Delay": 1})

    def test_zz_nothing_was_left_out(self):
        self.assertEqual(set(os.environ["WALK"].split()) - CALLED, set())


if __name__ == "__main__":
    unittest.main()
