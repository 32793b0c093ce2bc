# Who may do what, as code: users, groups, roles, policies, and an instance that has a role.

terraform {
  required_providers {
    aws = {
      source = "hashicorp/aws"
    }
  }
}

provider "aws" {
  default_tags {
    tags = { Project = "access" }
  }
}

variable "may_stop" {
  type    = bool
  default = false
}

data "aws_caller_identity" "this" {}

data "aws_partition" "this" {}

resource "aws_iam_account_alias" "this" {
  account_alias = "cellar"
}

resource "aws_iam_account_password_policy" "this" {
  minimum_password_length = 12
  require_symbols         = true
}

# People

resource "aws_iam_group" "operators" {
  name = "operators"
  path = "/teams/"
}

resource "aws_iam_user" "ann" {
  name = "ann"
  path = "/people/"
  tags = { Team = "operators" }
}

resource "aws_iam_user" "robot" {
  name                 = "robot"
  permissions_boundary = aws_iam_policy.boundary.arn
  force_destroy        = true
}

resource "aws_iam_access_key" "robot" {
  user = aws_iam_user.robot.name
}

resource "aws_iam_group_membership" "operators" {
  name  = "operators"
  group = aws_iam_group.operators.name
  users = [aws_iam_user.ann.name]
}

resource "aws_iam_user_group_membership" "robot" {
  user   = aws_iam_user.robot.name
  groups = [aws_iam_group.robots.name]
}

resource "aws_iam_group" "robots" {
  name = "robots"
}

# Policies

data "aws_iam_policy_document" "operate" {
  statement {
    sid       = "Look"
    actions   = ["ec2:Describe*"]
    resources = ["*"]
  }

  dynamic "statement" {
    for_each = var.may_stop ? [1] : []
    content {
      sid       = "Stop"
      actions   = ["ec2:StopInstances"]
      resources = ["arn:${data.aws_partition.this.partition}:ec2:*:${data.aws_caller_identity.this.account_id}:instance/*"]
      condition {
        test     = "StringEquals"
        variable = "aws:ResourceTag/Project"
        values   = ["access"]
      }
    }
  }
}

resource "aws_iam_policy" "operate" {
  name        = "operate"
  description = "Looks after instances"
  policy      = data.aws_iam_policy_document.operate.json
}

resource "aws_iam_policy" "boundary" {
  name = "boundary"
  path = "/limits/"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow"
      Action   = ["ec2:*", "sts:*"]
      Resource = "*"
    }]
  })
}

resource "aws_iam_group_policy_attachment" "operators" {
  group      = aws_iam_group.operators.name
  policy_arn = aws_iam_policy.operate.arn
}

resource "aws_iam_group_policy" "robots" {
  name  = "robots"
  group = aws_iam_group.robots.name
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "ec2:DescribeInstances", Resource = "*" }]
  })
}

resource "aws_iam_user_policy" "ann" {
  name = "own-keys"
  user = aws_iam_user.ann.name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow"
      Action   = ["iam:*AccessKey*"]
      Resource = "arn:aws:iam::*:user/people/$${aws:username}"
    }]
  })
}

resource "aws_iam_user_policy_attachment" "ann" {
  user       = aws_iam_user.ann.name
  policy_arn = "arn:aws:iam::aws:policy/AmazonEC2ReadOnlyAccess"
}

# Roles

data "aws_iam_policy_document" "by_ec2" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["ec2.amazonaws.com"]
    }
  }
}

data "aws_iam_policy_document" "by_ann" {
  statement {
    actions = ["sts:AssumeRole", "sts:TagSession"]
    principals {
      type        = "AWS"
      identifiers = [aws_iam_user.ann.arn]
    }
  }
}

resource "aws_iam_role" "worker" {
  name               = "worker"
  assume_role_policy = data.aws_iam_policy_document.by_ec2.json
}

resource "aws_iam_role" "night" {
  name                 = "night-shift"
  path                 = "/shifts/"
  description          = "Looks after instances at night"
  max_session_duration = 7200
  permissions_boundary = aws_iam_policy.boundary.arn
  assume_role_policy   = data.aws_iam_policy_document.by_ann.json
}

resource "aws_iam_role_policy" "worker" {
  name   = "look"
  role   = aws_iam_role.worker.id
  policy = data.aws_iam_policy_document.operate.json
}

resource "aws_iam_role_policy_attachment" "night" {
  role       = aws_iam_role.night.name
  policy_arn = aws_iam_policy.operate.arn
}

resource "aws_iam_role_policy_attachment" "managed" {
  role       = aws_iam_role.worker.name
  policy_arn = "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"
}

resource "aws_iam_instance_profile" "worker" {
  name = "worker"
  role = aws_iam_role.worker.name
}

resource "aws_iam_openid_connect_provider" "ci" {
  url             = "https://token.example.com"
  client_id_list  = ["sts.amazonaws.com"]
  thumbprint_list = ["0123456789abcdef0123456789abcdef01234567"]
}

resource "aws_iam_service_linked_role" "autoscaling" {
  aws_service_name = "autoscaling.amazonaws.com"
  custom_suffix    = "cellar"
}

# What has a role

data "aws_ami" "micro" {
  most_recent = true
  owners      = ["amazon"]
  filter {
    name   = "name"
    values = ["fogbank-micro-*"]
  }
}

resource "aws_instance" "worker" {
  ami                  = data.aws_ami.micro.id
  instance_type        = "t3.nano"
  iam_instance_profile = aws_iam_instance_profile.worker.name
}

output "names" {
  value = {
    instance = aws_instance.worker.id
    profile  = aws_iam_instance_profile.worker.arn
    key      = aws_iam_access_key.robot.id
    secret   = nonsensitive(aws_iam_access_key.robot.secret)
  }
}
