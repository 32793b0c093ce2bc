"""boto3 walks through every action of KMS, and of encryption by EBS, that Fogbank has.

Endpoint, keys and region come from the environment, as `fogbank env` prints them; OTHER_ACCOUNT and OTHER_KEYS name a
second account, and WALK the actions to be called. Run by boto3-kms.test.ts.
"""

import json
import os
import time
import unittest

import boto3
from botocore.exceptions import ClientError

CALLED = set()
CONTEXT = {"app": "web"}


def client(service, **options):
    made = boto3.client(service, **options)
    made.meta.events.register("before-call", lambda model, **_: CALLED.add(f"{service}:{model.name}"))
    return made


class Keys(unittest.TestCase):
    """The last test looks whether all was called."""

    def setUp(self):
        self.kms = client("kms")
        self.ec2 = client("ec2")
        key, secret = os.environ["OTHER_KEYS"].split()
        self.other_account = os.environ["OTHER_ACCOUNT"]
        self.other = client("kms", aws_access_key_id=key, aws_secret_access_key=secret)

    def make(self, **parameters):
        made = self.kms.create_key(**parameters)["KeyMetadata"]
        self.addCleanup(self.schedule_deletion, made["KeyId"])
        return made["Arn"]

    def schedule_deletion(self, key):
        if self.kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] != "PendingDeletion":
            self.kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)

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

    def test_keys_and_their_states(self):
        arn = self.make(Description="one", Tags=[{"TagKey": "team", "TagValue": "a"}])
        key = arn.split("/")[1]
        self.assertIn(key, [one["KeyId"] for one in self.kms.list_keys()["Keys"]])
        pages = self.kms.get_paginator("list_keys").paginate(PaginationConfig={"PageSize": 1})
        self.assertIn(key, [one["KeyId"] for page in pages for one in page["Keys"]])
        self.kms.update_key_description(KeyId=key, Description="other")
        self.assertEqual(self.kms.describe_key(KeyId=arn)["KeyMetadata"]["Description"], "other")
        self.kms.tag_resource(KeyId=key, Tags=[{"TagKey": "env", "TagValue": "test"}])
        self.kms.untag_resource(KeyId=key, TagKeys=["team"])
        self.assertEqual(self.kms.list_resource_tags(KeyId=key)["Tags"], [{"TagKey": "env", "TagValue": "test"}])
        self.kms.disable_key(KeyId=key)
        self.assert_error("DisabledException", self.kms.encrypt, KeyId=key, Plaintext=b"x")
        self.kms.enable_key(KeyId=key)
        self.kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
        self.assert_error("KMSInvalidStateException", self.kms.encrypt, KeyId=key, Plaintext=b"x")
        self.kms.cancel_key_deletion(KeyId=key)
        self.assertEqual(self.kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"], "Disabled")
        self.assert_error("NotFoundException", self.kms.describe_key, KeyId="alias/none")
        self.assert_error("UnsupportedOperationException", self.kms.create_key, KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY")

    def test_aliases(self):
        one, other = self.make(), self.make()
        self.kms.create_alias(AliasName="alias/disks", TargetKeyId=one)
        self.assert_error("AlreadyExistsException", self.kms.create_alias, AliasName="alias/disks", TargetKeyId=one)
        self.kms.update_alias(AliasName="alias/disks", TargetKeyId=other)
        self.assertEqual(self.kms.describe_key(KeyId="alias/disks")["KeyMetadata"]["Arn"], other)
        names = [alias["AliasName"] for alias in self.kms.list_aliases(KeyId=other)["Aliases"]]
        self.assertEqual(names, ["alias/disks"])
        self.kms.delete_alias(AliasName="alias/disks")

    def test_cryptography(self):
        one, other = self.make(), self.make()
        made = self.kms.encrypt(KeyId=one, Plaintext=b"secret", EncryptionContext=CONTEXT)
        read = self.kms.decrypt(CiphertextBlob=made["CiphertextBlob"], EncryptionContext=CONTEXT)
        self.assertEqual((read["Plaintext"], read["KeyId"]), (b"secret", one))
        self.assert_error("InvalidCiphertextException", self.kms.decrypt, CiphertextBlob=made["CiphertextBlob"])
        moved = self.kms.re_encrypt(
            CiphertextBlob=made["CiphertextBlob"], SourceEncryptionContext=CONTEXT, DestinationKeyId=other
        )
        self.assertEqual(self.kms.decrypt(CiphertextBlob=moved["CiphertextBlob"])["Plaintext"], b"secret")
        self.assert_error(
            "IncorrectKeyException", self.kms.decrypt, CiphertextBlob=moved["CiphertextBlob"], KeyId=one
        )
        data = self.kms.generate_data_key(KeyId=one, KeySpec="AES_256")
        self.assertEqual(self.kms.decrypt(CiphertextBlob=data["CiphertextBlob"])["Plaintext"], data["Plaintext"])
        blind = self.kms.generate_data_key_without_plaintext(KeyId=one, NumberOfBytes=48)
        self.assertEqual(len(self.kms.decrypt(CiphertextBlob=blind["CiphertextBlob"])["Plaintext"]), 48)
        self.assertEqual(len(self.kms.generate_random(NumberOfBytes=64)["Plaintext"]), 64)
        self.assert_error("DryRunOperationException", self.kms.encrypt, KeyId=one, Plaintext=b"x", DryRun=True)

    def test_rotation(self):
        key = self.make()
        old = self.kms.encrypt(KeyId=key, Plaintext=b"old")["CiphertextBlob"]
        self.kms.enable_key_rotation(KeyId=key, RotationPeriodInDays=90)
        self.assertEqual(self.kms.get_key_rotation_status(KeyId=key)["RotationPeriodInDays"], 90)
        self.kms.disable_key_rotation(KeyId=key)
        self.kms.rotate_key_on_demand(KeyId=key)
        self.assertEqual([one["RotationType"] for one in self.kms.list_key_rotations(KeyId=key)["Rotations"]], ["ON_DEMAND"])
        self.assertEqual(self.kms.decrypt(CiphertextBlob=old)["Plaintext"], b"old")

    def test_policies_and_grants(self):
        key = self.make()
        self.assert_error("AccessDeniedException", self.other.describe_key, KeyId=key)
        self.assertEqual(self.kms.list_key_policies(KeyId=key)["PolicyNames"], ["default"])
        policy = json.loads(self.kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"])
        shared = {"Effect": "Allow", "Principal": {"AWS": self.other_account}, "Action": "kms:DescribeKey", "Resource": "*"}
        policy["Statement"].append(shared)
        self.kms.put_key_policy(KeyId=key, PolicyName="default", Policy=json.dumps(policy))
        self.assertEqual(self.other.describe_key(KeyId=key)["KeyMetadata"]["Arn"], key)
        policy["Statement"] = [shared]
        self.assert_error("MalformedPolicyDocumentException", self.kms.put_key_policy, KeyId=key, Policy=json.dumps(policy))

        root = f"arn:aws:iam::{self.other_account}:root"
        self.assert_error("AccessDeniedException", self.other.encrypt, KeyId=key, Plaintext=b"x")
        grant = self.kms.create_grant(
            KeyId=key, GranteePrincipal=root, RetiringPrincipal=root, Operations=["Encrypt", "RetireGrant"]
        )
        self.other.encrypt(KeyId=key, Plaintext=b"x", GrantTokens=[grant["GrantToken"]])
        self.assertEqual([one["GrantId"] for one in self.kms.list_grants(KeyId=key)["Grants"]], [grant["GrantId"]])
        retirable = self.other.list_retirable_grants(RetiringPrincipal=root)["Grants"]
        self.assertEqual([one["GrantId"] for one in retirable], [grant["GrantId"]])
        self.other.retire_grant(GrantToken=grant["GrantToken"])
        again = self.kms.create_grant(KeyId=key, GranteePrincipal=root, Operations=["Encrypt"])
        self.kms.revoke_grant(KeyId=key, GrantId=again["GrantId"])
        self.assert_error("AccessDeniedException", self.other.encrypt, KeyId=key, Plaintext=b"x")

    def test_disks(self):
        key = self.make()
        self.assertFalse(self.ec2.get_ebs_encryption_by_default()["EbsEncryptionByDefault"])
        self.ec2.enable_ebs_encryption_by_default()
        self.assertEqual(self.ec2.modify_ebs_default_kms_key_id(KmsKeyId=key)["KmsKeyId"], key)
        self.assertEqual(self.ec2.get_ebs_default_kms_key_id()["KmsKeyId"], key)
        volume = self.ec2.create_volume(AvailabilityZone="us-east-1a", Size=1)
        self.assertEqual((volume["Encrypted"], volume["KmsKeyId"]), (True, key))
        self.ec2.get_waiter("volume_available").wait(VolumeIds=[volume["VolumeId"]], WaiterConfig={"Delay": 1})
        self.assertEqual(self.ec2.reset_ebs_default_kms_key_id()["KmsKeyId"], "alias/aws/ebs")
        self.ec2.disable_ebs_encryption_by_default()
        snapshot = self.ec2.create_snapshot(VolumeId=volume["VolumeId"])["SnapshotId"]
        self.ec2.get_waiter("snapshot_completed").wait(SnapshotIds=[snapshot], WaiterConfig={"Delay": 1})
        self.kms.disable_key(KeyId=key)
        copy = self.ec2.copy_snapshot(SourceRegion="us-east-1", SourceSnapshotId=snapshot)["SnapshotId"]
        shown = lambda: self.ec2.describe_snapshots(SnapshotIds=[copy])["Snapshots"][0]
        self.eventually(lambda: shown()["State"], "error")
        self.assertEqual(shown()["StateMessage"], "Given key ID is not accessible")
        self.kms.enable_key(KeyId=key)

    def test_zz_every_action_was_called(self):
        self.assertEqual(set(os.environ["WALK"].split()) - CALLED, set())
