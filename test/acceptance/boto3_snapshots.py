"""boto3 walks through every action of snapshots, of the EBS direct APIs and of the Recycle Bin that Fogbank has.

Endpoint, keys and region come from the environment, as `fogbank env` prints them; OTHER_ACCOUNT and OTHER_KEYS name a
second account, and WALK the actions to be called. Run by boto3-snapshots.test.ts.
"""

import base64
import hashlib
import os
import time
import unittest

import boto3
from botocore.exceptions import ClientError

BLOCK = 524288
CALLED = set()


def client(service, **options):
    made = boto3.client(service, **options)
    made.meta.events.register("before-call", lambda model, **_: CALLED.add(f"{service}:{model.name}"))
    return made


def digest(data):
    return base64.b64encode(hashlib.sha256(data).digest()).decode()


class Snapshots(unittest.TestCase):
    """Each test leaves the account as it found it. The last one looks whether all was called."""

    def setUp(self):
        self.ec2 = client("ec2")
        self.ebs = client("ebs")
        self.rbin = client("rbin")
        key, secret = os.environ["OTHER_KEYS"].split()
        self.other_account = os.environ["OTHER_ACCOUNT"]
        self.other = client("ec2", aws_access_key_id=key, aws_secret_access_key=secret)

    def assert_error(self, code, call, **parameters):
        with self.assertRaises(ClientError) as caught:
            call(**parameters)
        self.assertEqual(caught.exception.response["Error"]["Code"], code)

    def eventually(self, read, expected):
        for _ in range(100):
            if read() == expected:
                return
            time.sleep(0.1)
        self.assertEqual(read(), expected)

    def volume(self, **options):
        made = self.ec2.create_volume(AvailabilityZone="us-east-1a", **{"Size": 1, **options})["VolumeId"]
        self.addCleanup(self.ec2.delete_volume, VolumeId=made)
        self.ec2.get_waiter("volume_available").wait(VolumeIds=[made], WaiterConfig={"Delay": 1})
        return made

    def complete(self, snapshot, ec2=None):
        ec2 = ec2 or self.ec2
        ec2.get_waiter("snapshot_completed").wait(SnapshotIds=[snapshot], WaiterConfig={"Delay": 1})
        return snapshot

    def snapshot(self, keep=False, **options):
        made = self.ec2.create_snapshot(VolumeId=self.volume(), **options)["SnapshotId"]
        if not keep:
            self.addCleanup(self.ec2.delete_snapshot, SnapshotId=made)
        return self.complete(made)

    def put(self, snapshot, index, data):
        return self.ebs.put_snapshot_block(
            SnapshotId=snapshot,
            BlockIndex=index,
            BlockData=data,
            DataLength=BLOCK,
            Checksum=digest(data),
            ChecksumAlgorithm="SHA256",
        )

    def read(self, snapshot, block):
        found = self.ebs.get_snapshot_block(SnapshotId=snapshot, **block)
        data = found["BlockData"].read()
        self.assertEqual(found["Checksum"], digest(data))
        return data

    def test_a_snapshot_is_made_shared_and_deleted(self):
        ec2 = self.ec2
        tags = [{"ResourceType": "snapshot", "Tags": [{"Key": "Name", "Value": "walk"}]}]
        snapshot = self.snapshot(Description="walk", TagSpecifications=tags)
        [seen] = ec2.describe_snapshots(Filters=[{"Name": "tag:Name", "Values": ["walk"]}])["Snapshots"]
        self.assertEqual((seen["SnapshotId"], seen["Progress"], seen["VolumeSize"]), (snapshot, "100%", 1))
        permission = {"SnapshotId": snapshot, "Attribute": "createVolumePermission"}
        ec2.modify_snapshot_attribute(OperationType="add", UserIds=[self.other_account], **permission)
        self.assertEqual(
            ec2.describe_snapshot_attribute(**permission)["CreateVolumePermissions"],
            [{"UserId": self.other_account}],
        )
        [theirs] = self.other.describe_snapshots(SnapshotIds=[snapshot])["Snapshots"]
        self.assertEqual(theirs["OwnerId"], seen["OwnerId"])
        made = self.other.create_volume(SnapshotId=snapshot, AvailabilityZone="us-east-1b")["VolumeId"]
        self.other.get_waiter("volume_available").wait(VolumeIds=[made], WaiterConfig={"Delay": 1})
        self.other.delete_volume(VolumeId=made)
        ec2.reset_snapshot_attribute(**permission)
        self.assert_error(
            "InvalidSnapshot.NotFound", self.other.create_volume, SnapshotId=snapshot, AvailabilityZone="us-east-1b"
        )
        ec2.enable_snapshot_block_public_access(State="block-new-sharing")
        self.addCleanup(ec2.disable_snapshot_block_public_access)
        self.assertEqual(ec2.get_snapshot_block_public_access_state()["State"], "block-new-sharing")
        everybody = {"OperationType": "add", "GroupNames": ["all"]}
        self.assert_error("OperationNotPermitted", ec2.modify_snapshot_attribute, **permission, **everybody)

    def test_all_volumes_of_an_instance(self):
        ec2 = self.ec2
        [image] = ec2.describe_images(Owners=["amazon"])["Images"][:1]
        [instance] = ec2.run_instances(
            ImageId=image["ImageId"],
            InstanceType="t3.micro",
            MinCount=1,
            MaxCount=1,
            BlockDeviceMappings=[{"DeviceName": "/dev/sdf", "Ebs": {"VolumeSize": 1}}],
        )["Instances"]
        instance = instance["InstanceId"]
        self.addCleanup(ec2.terminate_instances, InstanceIds=[instance])
        ec2.get_waiter("instance_running").wait(InstanceIds=[instance], WaiterConfig={"Delay": 1})
        made = ec2.create_snapshots(InstanceSpecification={"InstanceId": instance}, CopyTagsFromSource="volume")
        for one in made["Snapshots"]:
            self.addCleanup(ec2.delete_snapshot, SnapshotId=self.complete(one["SnapshotId"]))
        self.assertEqual(len({one["VolumeId"] for one in made["Snapshots"]}), 2)

    def test_a_copy_in_another_region(self):
        west = client("ec2", region_name="us-west-2")
        snapshot = self.snapshot()
        # boto3 adds a presigned URL and DestinationRegion.
        copy = west.copy_snapshot(SourceRegion="us-east-1", SourceSnapshotId=snapshot)["SnapshotId"]
        self.addCleanup(west.delete_snapshot, SnapshotId=copy)
        self.complete(copy, west)
        self.assert_error("InvalidSnapshot.NotFound", self.ec2.describe_snapshots, SnapshotIds=[copy])

    def test_a_locked_snapshot(self):
        ec2 = self.ec2
        snapshot = self.snapshot()
        ec2.lock_snapshot(SnapshotId=snapshot, LockMode="governance", LockDuration=1)
        self.assert_error("SnapshotLocked", ec2.delete_snapshot, SnapshotId=snapshot)
        [seen] = ec2.describe_locked_snapshots(SnapshotIds=[snapshot])["Snapshots"]
        self.assertEqual(seen["LockState"], "governance")
        ec2.unlock_snapshot(SnapshotId=snapshot)

    def test_an_archived_snapshot(self):
        ec2 = self.ec2
        snapshot = self.snapshot()

        def status():
            filters = [{"Name": "snapshot-id", "Values": [snapshot]}]
            [one] = ec2.describe_snapshot_tier_status(Filters=filters)["SnapshotTierStatuses"]
            return one.get("LastTieringOperationStatus")

        ec2.modify_snapshot_tier(SnapshotId=snapshot, StorageTier="archive")
        self.eventually(status, "archival-completed")
        self.assert_error(
            "IncorrectState", ec2.create_volume, SnapshotId=snapshot, AvailabilityZone="us-east-1a"
        )
        ec2.restore_snapshot_tier(SnapshotId=snapshot, TemporaryRestoreDays=3)
        self.eventually(status, "temporary-restore-completed")
        self.assertEqual(ec2.restore_snapshot_tier(SnapshotId=snapshot, PermanentRestore=True)["IsPermanentRestore"], True)

    def test_fast_restore(self):
        ec2 = self.ec2
        snapshot = self.snapshot()
        pair = {"SourceSnapshotIds": [snapshot], "AvailabilityZones": ["us-east-1a"]}

        def state():
            filters = [{"Name": "snapshot-id", "Values": [snapshot]}]
            [one] = ec2.describe_fast_snapshot_restores(Filters=filters)["FastSnapshotRestores"]
            return one["State"]

        self.assertEqual(ec2.enable_fast_snapshot_restores(**pair)["Unsuccessful"], [])
        self.eventually(state, "enabled")
        fast = self.volume(SnapshotId=snapshot)
        self.assertEqual(ec2.describe_volumes(VolumeIds=[fast])["Volumes"][0]["FastRestored"], True)
        ec2.disable_fast_snapshot_restores(**pair)
        self.eventually(state, "disabled")

    def test_the_recycle_bin(self):
        ec2, rbin = self.ec2, self.rbin
        period = {"RetentionPeriodValue": 2, "RetentionPeriodUnit": "DAYS"}
        rule = rbin.create_rule(
            ResourceType="EBS_SNAPSHOT",
            RetentionPeriod=period,
            ResourceTags=[{"ResourceTagKey": "keep"}],
            Tags=[{"Key": "a", "Value": "b"}],
        )
        identifier, arn = rule["Identifier"], rule["RuleArn"]
        self.addCleanup(rbin.delete_rule, Identifier=identifier)
        self.assertEqual([one["Identifier"] for one in rbin.list_rules(ResourceType="EBS_SNAPSHOT")["Rules"]], [identifier])
        rbin.update_rule(Identifier=identifier, Description="walk")
        self.assertEqual(rbin.get_rule(Identifier=identifier)["Description"], "walk")
        rbin.tag_resource(ResourceArn=arn, Tags=[{"Key": "c", "Value": "d"}])
        rbin.untag_resource(ResourceArn=arn, TagKeys=["a", "b"])
        self.assertEqual(rbin.list_tags_for_resource(ResourceArn=arn)["Tags"], [{"Key": "c", "Value": "d"}])
        tags = [{"ResourceType": "snapshot", "Tags": [{"Key": "keep", "Value": ""}]}]
        snapshot = self.snapshot(keep=True, TagSpecifications=tags)
        ec2.delete_snapshot(SnapshotId=snapshot)
        self.assert_error("InvalidSnapshot.NotFound", ec2.describe_snapshots, SnapshotIds=[snapshot])
        [seen] = ec2.list_snapshots_in_recycle_bin()["Snapshots"]
        self.assertEqual(seen["SnapshotId"], snapshot)
        ec2.restore_snapshot_from_recycle_bin(SnapshotId=snapshot)
        ec2.delete_tags(Resources=[snapshot], Tags=[{"Key": "keep"}])
        ec2.delete_snapshot(SnapshotId=snapshot)
        self.assertEqual(ec2.list_snapshots_in_recycle_bin()["Snapshots"], [])

    def test_a_locked_rule(self):
        rbin = self.rbin
        period = {"RetentionPeriodValue": 1, "RetentionPeriodUnit": "DAYS"}
        # One that could be locked would stay for a week.
        rule = rbin.create_rule(
            ResourceType="EBS_SNAPSHOT", RetentionPeriod=period, ResourceTags=[{"ResourceTagKey": "x"}]
        )["Identifier"]
        self.addCleanup(rbin.delete_rule, Identifier=rule)
        delay = {"UnlockDelay": {"UnlockDelayValue": 7, "UnlockDelayUnit": "DAYS"}}
        self.assert_error("ValidationException", rbin.lock_rule, Identifier=rule, LockConfiguration=delay)
        self.assert_error("ConflictException", rbin.unlock_rule, Identifier=rule)

    def test_blocks(self):
        ebs = self.ebs
        began = ebs.start_snapshot(VolumeSize=1, Description="walk", Tags=[{"Key": "a", "Value": "b"}], Timeout=10)
        snapshot = began["SnapshotId"]
        self.addCleanup(self.ec2.delete_snapshot, SnapshotId=snapshot)
        self.assertEqual((began["Status"], began["BlockSize"]), ("pending", BLOCK))
        content = {index: os.urandom(BLOCK) for index in (0, 5, 2047)}
        for index, data in content.items():
            self.put(snapshot, index, data)
        parts = b"".join(hashlib.sha256(content[index]).digest() for index in sorted(content))
        ebs.complete_snapshot(
            SnapshotId=snapshot,
            ChangedBlocksCount=3,
            Checksum=digest(parts),
            ChecksumAlgorithm="SHA256",
            ChecksumAggregationMethod="LINEAR",
        )
        self.complete(snapshot)
        blocks = ebs.list_snapshot_blocks(SnapshotId=snapshot)["Blocks"]
        self.assertEqual([one["BlockIndex"] for one in blocks], sorted(content))
        for block in blocks:
            self.assertEqual(self.read(snapshot, block), content[block["BlockIndex"]])
        child = ebs.start_snapshot(VolumeSize=1, ParentSnapshotId=snapshot)["SnapshotId"]
        self.addCleanup(self.ec2.delete_snapshot, SnapshotId=child)
        changed = os.urandom(BLOCK)
        self.put(child, 5, changed)
        ebs.complete_snapshot(SnapshotId=child, ChangedBlocksCount=1)
        self.complete(child)
        [difference] = ebs.list_changed_blocks(FirstSnapshotId=snapshot, SecondSnapshotId=child)["ChangedBlocks"]
        self.assertEqual(difference["BlockIndex"], 5)
        block = {"BlockIndex": 5, "BlockToken": difference["SecondBlockToken"]}
        self.assertEqual(self.read(child, block), changed)
        self.assert_error("ValidationException", ebs.get_snapshot_block, SnapshotId=snapshot, **block)

    def test_zz_nothing_was_left_out(self):
        self.assertEqual(set(os.environ["WALK"].split()) - CALLED, set())


if __name__ == "__main__":
    unittest.main()
