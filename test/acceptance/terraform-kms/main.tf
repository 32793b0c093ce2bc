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

data "aws_kms_alias" "disks" {
  name = aws_kms_alias.disks.name
}

data "aws_kms_key" "disks" {
  key_id = aws_kms_alias.disks.arn
}

output "key" {
  value = {
    id         = data.aws_kms_key.disks.id
    by_alias   = data.aws_kms_alias.disks.target_key_id
    ciphertext = aws_kms_ciphertext.word.ciphertext_blob
  }
}
