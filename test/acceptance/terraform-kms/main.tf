# Keys, their names and who may use them, as code.

terraform {
  required_providers {
    aws = {
      source = "hashicorp/aws"
    }
  }
}

provider "aws" {
  default_tags {
    tags = { Project = "keys" }
  }
}

variable "rotation_days" {
  type    = number
  default = 180
}

data "aws_caller_identity" "this" {}

resource "aws_iam_role" "reader" {
  name = "reader"
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Principal = { AWS = data.aws_caller_identity.this.account_id }, Action = "sts:AssumeRole" }]
  })
}

data "aws_iam_policy_document" "key" {
  statement {
    sid       = "Account"
    actions   = ["kms:*"]
    resources = ["*"]
    principals {
      type        = "AWS"
      identifiers = ["arn:aws:iam::${data.aws_caller_identity.this.account_id}:root"]
    }
  }
  statement {
    sid       = "Reader"
    actions   = ["kms:Decrypt", "kms:DescribeKey"]
    resources = ["*"]
    principals {
      type        = "AWS"
      identifiers = [aws_iam_role.reader.arn]
    }
  }
}

resource "aws_kms_key" "disks" {
  description             = "disks"
  policy                  = data.aws_iam_policy_document.key.json
  enable_key_rotation     = true
  rotation_period_in_days = var.rotation_days
  deletion_window_in_days = 7
}

resource "aws_kms_alias" "disks" {
  name          = "alias/disks"
  target_key_id = aws_kms_key.disks.key_id
}

resource "aws_kms_grant" "reader" {
  name              = "reader"
  key_id            = aws_kms_key.disks.key_id
  grantee_principal = aws_iam_role.reader.arn
  operations        = ["Encrypt", "GenerateDataKey"]
  constraints {
    encryption_context_subset = { app = "web" }
  }
}

resource "aws_kms_key" "plain" {
  is_enabled = false
  tags       = { Name = "plain" }
}

resource "aws_kms_key_policy" "plain" {
  key_id = aws_kms_key.plain.id
  policy = data.aws_iam_policy_document.key.json
}

resource "aws_kms_ciphertext" "word" {
  key_id    = aws_kms_alias.disks.target_key_arn
  plaintext = "a word"
  context   = { app = "web" }
}

# What the keys are for

resource "aws_ebs_encryption_by_default" "this" {
  enabled = true
}

resource "aws_ebs_default_kms_key" "this" {
  key_arn = aws_kms_key.disks.arn
}

resource "aws_ebs_volume" "usual" {
  availability_zone = "us-east-1a"
  size              = 1
  depends_on        = [aws_ebs_encryption_by_default.this, aws_ebs_default_kms_key.this]
}

resource "aws_kms_key" "copies" {
  description             = "copies"
  deletion_window_in_days = 7
}

resource "aws_ebs_volume" "named" {
  availability_zone = "us-east-1a"
  size              = 1
  encrypted         = true
  kms_key_id        = aws_kms_key.copies.arn
}

resource "aws_ebs_snapshot" "usual" {
  volume_id = aws_ebs_volume.usual.id
}

resource "aws_ebs_snapshot_copy" "changed" {
  source_snapshot_id = aws_ebs_snapshot.usual.id
  source_region      = "us-east-1"
  encrypted          = true
  kms_key_id         = aws_kms_key.copies.arn
}

data "aws_ebs_default_kms_key" "this" {
  depends_on = [aws_ebs_default_kms_key.this]
}

data "aws_kms_alias" "disks" {
  name = aws_kms_alias.disks.name
}

data "aws_kms_key" "disks" {
  key_id = aws_kms_alias.disks.arn
}

output "disks" {
  value = {
    default = data.aws_ebs_default_kms_key.this.key_arn == aws_kms_key.disks.arn
    usual   = aws_ebs_volume.usual.encrypted && aws_ebs_volume.usual.kms_key_id == aws_kms_key.disks.arn
    named   = aws_ebs_volume.named.kms_key_id == aws_kms_key.copies.arn
    cut     = aws_ebs_snapshot.usual.encrypted && aws_ebs_snapshot.usual.kms_key_id == aws_kms_key.disks.arn
    copy    = aws_ebs_snapshot_copy.changed.encrypted && aws_ebs_snapshot_copy.changed.kms_key_id == aws_kms_key.copies.arn
  }
}

output "key" {
  value = {
    id         = data.aws_kms_key.disks.id
    by_alias   = data.aws_kms_alias.disks.target_key_id
    ciphertext = aws_kms_ciphertext.word.ciphertext_blob
  }
}
